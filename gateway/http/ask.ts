/**
 * Asks the caller's account a question of its desk and answers with what it says.
 */
import { isProblem } from "#contract/problem.ts";
import type { ArgsOf, Question, ReplyOf } from "../objects/account-desk.ts";
import type { Told } from "../objects/account-door.ts";
import type { Visitor } from "../objects/visitor.ts";
import type { GatewayContext } from "./context.ts";
import { answerTold } from "./problem-response.ts";

/** The object of an account: the one place that would know of shards. */
export const accountStub = (env: Env, account: string) => env.ACCOUNT.getByName(account);

/** The object of the caller's account. */
export const accountOf = (c: GatewayContext) => accountStub(c.env, c.get("visitor").account);

export const askAs = async <Q extends Question>(
  env: Env,
  account: string,
  visitor: Visitor,
  question: Q,
  args: ArgsOf<Q>,
): Promise<Told<ReplyOf<Q>>> => {
  // Calls between objects lose a method's type parameters: the question ties arguments and reply together.
  const stub = accountStub(env, account) as unknown as {
    ask(visitor: Visitor, question: Q, args: ArgsOf<Q>): Promise<Told<ReplyOf<Q>>>;
  };
  return stub.ask(visitor, question, args);
};

/** For most endpoints behind an API key: the question's answer is the response. */
export const ask = async <Q extends Question>(c: GatewayContext, question: Q, args: ArgsOf<Q>): Promise<Response> => {
  const visitor = c.get("visitor");
  return answerTold(c, await askAs(c.env, visitor.account, visitor, question, args));
};

/** The same when something goes with the reply that the account does not know. */
export const askAndAdd = async <Q extends Question>(
  c: GatewayContext,
  question: Q,
  args: ArgsOf<Q>,
  add: Record<string, unknown>,
): Promise<Response> => {
  const visitor = c.get("visitor");
  const told = await askAs(c.env, visitor.account, visitor, question, args);
  return answerTold(c, isProblem(told.answer) ? told : { ...told, answer: { ...told.answer, ...add } });
};

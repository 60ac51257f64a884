import type { Blocked, Center, Dispute, Role } from '../api-types.ts';
import type { Problem } from '../service/http.ts';
import type { Format } from './format.ts';
import { humanize, type Params, type Translate } from './texts.ts';

/** What every view needs: the language, the time, and who looks. */
export interface Context {
  readonly translate: Translate;
  readonly format: Format;
  /** The service's time in milliseconds. */
  readonly now: number;
  readonly viewer: Role;
}

/** The text of one of these keys; there must be one. */
export function text(
  { translate }: Pick<Context, 'translate'>,
  keys: string | readonly string[],
  params?: Params,
): string {
  return translate(keys, params) ?? '';
}

/** How the texts name a party: the viewer as `you`. */
export const nameOf = ({ viewer }: Pick<Context, 'viewer'>, role: string): string => (role === viewer ? 'you' : role);

export const otherRole = (role: Role): Role => (role === 'client' ? 'freelancer' : 'client');

/** The status of an order in words. */
export const statusText = ({ translate }: Pick<Context, 'translate'>, status: string): string =>
  translate(`order_status.${status}`) ?? humanize(status);

/** Why an action is not possible, in words. */
export function blockedText(context: Context, { code, reason, detail, availableAt }: Blocked): string {
  const why = context.translate([`error.${code}.${reason}`, `error.${code}`]) ?? detail;
  if (availableAt === undefined || availableAt === null) return why;
  return `${why} ${text(context, 'error.available_at', { date: context.format.dateTime(availableAt) })}`;
}

/** A problem as a person can understand it, with what to do about it. */
export function problemText(context: Context, { code, title, detail, body }: Problem): string {
  const known = context.translate([`error.${code}.${body?.reason}`, `error.${code}`]);
  const said = known ?? (detail === '' ? title : detail);
  const sentence = said === '' ? text(context, 'error.unexpected') : said;
  if (body?.availableAt === undefined) return sentence;
  return `${sentence} ${text(context, 'error.available_at', { date: context.format.dateTime(body.availableAt) })}`;
}

/** The label of a reason in a form or a request. */
export function reasonText(
  { translate }: Context,
  center: Center,
  dispute: Pick<Dispute, 'opener' | 'reason'>,
): string {
  const { reason, opener } = dispute;
  if (reason === null) return '';
  const viewpoint = opener.role === center.viewer.role ? 'opener' : 'other';
  const options = center.open.flatMap(({ fields }) => fields.reason?.options ?? []);
  const label = viewpoint === 'opener' ? options.find(({ code }) => code === reason)?.label : undefined;
  return translate(`reason.${opener.role}.${reason}.${viewpoint}`) ?? label ?? humanize(reason);
}

import { API, call, RefusedError } from '../service.ts';
import type { Event, Party } from './events.ts';

const MAILER = { sub: 'example-mailer', scope: 'notices:write' };

/** Whom a mail tells of an event: the party that has to answer, or the one that did not act itself. */
const RECIPIENTS: Readonly<Record<string, 'respondent' | 'others'>> = {
  'dispute.opened': 'respondent',
  'dispute.reminder_due': 'respondent',
  'dispute.accepted': 'others',
  'dispute.declined': 'others',
  'dispute.answered': 'others',
  'dispute.withdrawn': 'others',
  'dispute.expired': 'others',
  'dispute.superseded': 'others',
  'dispute.comment_added': 'others',
};

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export interface MailerOptions {
  /** Hands a mail to the mail system. It returns once that has taken it. */
  readonly send: (mail: Mail) => Promise<void>;
  /** Gets what went wrong and needs a look. */
  readonly warn: (text: string) => void;
}

function partiesToTell({ type, actor, dispute }: Event): Party[] {
  const recipients = RECIPIENTS[type];
  if (recipients === undefined || dispute === undefined) return [];
  if (recipients === 'respondent') return [dispute.respondent.role];
  return (['client', 'freelancer'] as const).filter((role) => role !== actor.role);
}

/** The sentence of the type of event, in the recipient's language: English here. */
async function loadSubjects(): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${API}/v1/texts?locale=en`);
  const { texts } = (await response.json()) as { readonly texts: Readonly<Record<string, string>> };
  return texts;
}

/** Mails the parties about disputes, and records each mail as a notice. @throws what fetch throws, if no texts can be read */
export async function createMailer({ send, warn }: MailerOptions) {
  const subjects = await loadSubjects();

  function mailOf(event: Event, role: Party): Mail {
    const { order, orderId, type, comment, dispute } = event;
    const isWaiting = type === 'dispute.opened' || type === 'dispute.reminder_due';
    const lines = [
      `Order ${orderId}${order.title === null ? '' : `, ${order.title}`}`,
      ...(comment === undefined ? [] : [`"${comment}"`]),
      ...(isWaiting && dispute !== undefined ? [`Please answer by ${dispute.respondBy}.`] : []),
    ];
    const to = role === 'client' ? order.clientId : order.freelancerId;
    return { to, subject: subjects[`event.${type}`] ?? type, text: lines.join('\n') };
  }

  async function recordNotice(disputeId: string, role: Party): Promise<void> {
    const notice = { role, channel: 'email', deliveredAt: new Date().toISOString() };
    try {
      await call(MAILER, 'POST', `/v1/disputes/${disputeId}/notices`, notice);
    } catch (error) {
      // The mail is sent. A notice that is refused, say for an order on a test clock, must not send it again.
      if (!(error instanceof RefusedError)) throw error;
      warn(`no notice for dispute ${disputeId}: ${error.message}`);
    }
  }

  /** Mails the parties that an event concerns, one after the other. */
  return async (event: Event): Promise<void> => {
    for (const role of partiesToTell(event)) {
      await send(mailOf(event, role));
      if (event.dispute !== undefined) await recordNotice(event.dispute.id, role);
    }
  };
}

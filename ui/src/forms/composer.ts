import type { Center, Dispute, OpenAction } from '../api-types.ts';
import type { Outcome, Problem } from '../service/http.ts';
import { createSend } from '../service/idempotency.ts';
import type { Store } from '../service/store.ts';
import type { ComposeHandlers, Composing } from '../views/compose.ts';
import { bodyOf, type Draft, emptyDraft, faultsOf, faultsOfProblem } from './draft.ts';

export interface ComposerDeps {
  readonly store: Pick<Store, 'send' | 'clock'>;
  readonly center: () => Center | null;
  /** The language that prices are written in. */
  readonly locale: () => string;
  readonly onChange: () => void;
  /** Where the focus goes next: one of the element's `data-focus` places, or the first field with a fault. */
  readonly onFocus: (place: 'choose' | 'write' | 'request' | 'fault') => void;
  readonly onProblem: (problem: Problem) => void;
}

/** A request that is being made, through its steps. What is written stays until it is sent, whatever happens meanwhile. */
export interface Composer extends ComposeHandlers {
  readonly state: () => Composing;
  /** The action that is being written, as it stands now. */
  readonly action: () => OpenAction | undefined;
  /** Begins anew: another order is shown. */
  readonly reset: () => void;
}

const NOTHING: Composing = { step: 'choose', draft: null, faults: new Map(), problem: null, isSending: false };

/** Makes the composer of one element. */
export function createComposer({ store, center, locale, onChange, onFocus, onProblem }: ComposerDeps): Composer {
  let composing = NOTHING;
  const send = createSend(store);
  const update = (change: Partial<Composing>) => {
    composing = { ...composing, ...change };
    onChange();
  };
  const action = () => center()?.open.find(({ type }) => type === composing.draft?.type);

  const refuse = (problem: Problem) => {
    const faults = faultsOfProblem(problem.code, problem.detail, problem.errors);
    update({ isSending: false, faults, problem: faults.size > 0 ? null : problem });
    onProblem(problem);
    if (faults.size > 0) onFocus('fault');
  };

  const submit = async (): Promise<void> => {
    const asked = action();
    const { draft, isSending } = composing;
    const now = store.clock.now();
    if (asked === undefined || draft === null || isSending) return;
    const faults = faultsOf(asked, draft, now, locale());
    update({ faults, problem: null });
    if (faults.size > 0) return onFocus('fault');
    update({ isSending: true });
    // Without If-Match: whether the request can be made is for the service to say, whatever else has changed.
    const sent: Outcome<Dispute> = await send(asked.href, bodyOf(asked, draft, locale()), null);
    if (!sent.ok) return refuse(sent.problem);
    composing = NOTHING;
    onChange();
    onFocus('request');
  };

  return {
    state: () => composing,
    action,
    reset: () => update(NOTHING),
    onChoose: (type) => update({ draft: { ...(composing.draft ?? emptyDraft(type)), type } }),
    onContinue: () => {
      if (action()?.allowed !== true) return;
      update({ step: 'write', faults: new Map(), problem: null });
      onFocus('write');
    },
    onBack: () => {
      update({ step: 'choose', faults: new Map(), problem: null });
      onFocus('choose');
    },
    onDraft: (change: Partial<Draft>) => {
      if (composing.draft === null) return;
      const draft = { ...composing.draft, ...change };
      const asked = action();
      // What was found at fault is judged again while it is being mended; nothing else is, before it is sent.
      const still = asked === undefined ? new Map() : faultsOf(asked, draft, store.clock.now(), locale());
      const faults = new Map([...still].filter(([pointer]) => composing.faults.has(pointer)));
      update({ draft, faults });
    },
    onSubmit: () => void submit(),
  };
}

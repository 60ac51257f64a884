import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import type { Center } from './api-types.ts';
import { createAnnouncer } from './attention/announcer.ts';
import { createSeenWatch, type SeenWatch } from './attention/seen.ts';
import { createComposer } from './forms/composer.ts';
import { createConfirmer } from './forms/confirmer.ts';
import type {
  ChangeDetail,
  ErrorDetail,
  GetToken,
  ResolutionCenterElement as Published,
} from './resolution-center.d.ts';
import type { Problem } from './service/http.ts';
import { createStore, type Snapshot, shownDispute } from './service/store.ts';
import { type Context, text } from './texts/context.ts';
import { createFormat, supported } from './texts/format.ts';
import { localeOf } from './texts/locale.ts';
import { createTranslate, ENGLISH, loadTexts, type Texts } from './texts/texts.ts';
import { chooseView, otherRequestsView, writeView } from './views/compose.ts';
import { dialogView } from './views/dialog.ts';
import { headerView } from './views/header.ts';
import { closedView, outcomeView } from './views/outcome.ts';
import { requestView } from './views/request.ts';
import { bannerView, failedView, loadingView } from './views/status.ts';
import { styles } from './views/styles.ts';
import { timelineView } from './views/timeline.ts';

const TICK_MS = 1_000;
const OVERDUE_MS = 2_000;

/** `<resolution-center order-id="…">`: the resolution center of one order, as the party that looks at it sees it. */
export class ResolutionCenterElement extends LitElement implements Published {
  static override styles = styles;
  static override properties = {
    orderId: { attribute: 'order-id' },
    api: {},
    locale: {},
    getToken: { attribute: false },
    snapshot: { state: true },
    texts: { state: true },
  };

  /** The order to show. */
  declare orderId: string;
  /** Where the service is, without a slash at the end: where this module came from, unless set. */
  declare api: string;
  /** The language, such as `pt-BR`: the page's, unless set. */
  declare locale: string | null;
  /** Gives the token of the party that looks. Nothing is read before it is set. */
  declare getToken: GetToken | null;
  declare private snapshot: Snapshot;
  declare private texts: { readonly locale: string; readonly texts: Texts };

  private readonly store = createStore({
    api: () => this.api.replace(/\/+$/, ''),
    getToken: () => this.getToken,
    locale: () => this.language(),
    onChange: (snapshot, before) => this.take(snapshot, before),
  });
  private readonly composer = createComposer({
    store: this.store,
    center: () => this.snapshot.center,
    locale: () => this.texts.locale,
    onChange: () => this.requestUpdate(),
    onFocus: (place) => void this.moveFocus(place),
    onProblem: (problem) => this.report(problem),
  });
  private readonly confirmer = createConfirmer({
    store: this.store,
    center: () => this.snapshot.center,
    timeline: () => this.snapshot.timeline,
    onChange: () => this.requestUpdate(),
    onDone: () => void this.moveFocus('request'),
    onCalledOff: (action) => void this.moveFocus('request', `[data-action="${action}"]:enabled`),
    onProblem: (problem) => this.report(problem),
  });
  private readonly announcer = createAnnouncer();
  private seen: SeenWatch | null = null;
  private ticking: ReturnType<typeof setInterval> | undefined;
  private showsAll = false;
  private refreshedAt = 0;
  private readonly look = () => {
    this.requestUpdate();
    if (document.visibilityState === 'visible' && navigator.onLine && this.isComplete()) void this.store.refresh();
  };

  constructor() {
    super();
    this.orderId = '';
    this.api = new URL('..', import.meta.url).href;
    this.locale = null;
    this.getToken = null;
    this.snapshot = { center: null, timeline: [], connection: 'connecting', problem: null };
    this.texts = { locale: 'en', texts: ENGLISH };
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.seen = createSeenWatch((id) => this.store.markSeen(id));
    for (const name of ['online', 'offline']) globalThis.addEventListener(name, this.look);
    document.addEventListener('visibilitychange', this.look);
    this.ticking = setInterval(() => this.tick(), TICK_MS);
    if (this.hasUpdated) this.restart();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.seen?.stop();
    for (const name of ['online', 'offline']) globalThis.removeEventListener(name, this.look);
    document.removeEventListener('visibilitychange', this.look);
    clearInterval(this.ticking);
    this.store.stop();
  }

  /** Reads again what the element shows. It does so by itself whenever something happens. */
  refresh(): Promise<void> {
    return this.store.refresh();
  }

  private language(): string {
    return supported(this.locale ?? localeOf(this));
  }

  private isComplete(): boolean {
    return this.orderId !== '' && this.getToken !== null;
  }

  private restart(): void {
    this.showsAll = false;
    this.composer.reset();
    this.confirmer.onClose();
    if (this.isComplete()) this.store.start(this.orderId);
    else this.store.stop();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('orderId') || changed.has('api') || changed.has('getToken')) this.restart();
    if (changed.has('api') || changed.has('locale')) void this.readTexts();
  }

  private async readTexts(): Promise<void> {
    const locale = this.language();
    const texts = await loadTexts(this.store, this.api, locale);
    if (locale === this.language()) this.texts = texts;
  }

  private take(snapshot: Snapshot, before: Snapshot): void {
    this.snapshot = snapshot;
    const { center, problem, connection } = snapshot;
    if (problem !== null && problem !== before.problem) this.report(problem);
    if (connection === 'signed_out' && before.connection !== connection) {
      this.report({ code: 'signed_out', status: 401, requestId: null });
    }
    if (center === null || center.etag === before.center?.etag) return;
    const detail: ChangeDetail = {
      orderId: center.orderId,
      orderStatus: center.order.status,
      dispute: shownDispute(center),
    };
    this.dispatchEvent(new CustomEvent('rc-change', { detail, bubbles: true, composed: true }));
  }

  private report({ code, status, requestId }: Pick<Problem, 'code' | 'status' | 'requestId'>): void {
    const detail: ErrorDetail = { code, status, requestId };
    this.dispatchEvent(new CustomEvent('rc-error', { detail, bubbles: true, composed: true }));
  }

  /** How long the open request still has. While a hold lasts, no time passes. */
  private left({ openDispute }: Center): number {
    if (openDispute === null) return Number.POSITIVE_INFINITY;
    const { held } = openDispute;
    return Date.parse(openDispute.respondBy) - (held ? Date.parse(held.since) : this.store.clock.now());
  }

  private tick(): void {
    const { center } = this.snapshot;
    if (center?.openDispute === null || center?.openDispute === undefined) return;
    this.requestUpdate();
    const isOver = this.left(center) <= 0;
    if (!isOver || performance.now() - this.refreshedAt < OVERDUE_MS) return;
    this.refreshedAt = performance.now();
    void this.store.refresh();
  }

  /** Moves the focus to a place that there always is, or better to the first one that is asked for, if it is there. */
  private async moveFocus(place: string, better = place === 'fault' ? '[aria-invalid="true"]' : null): Promise<void> {
    await this.updateComplete;
    const find = (selector: string) => this.renderRoot.querySelector<HTMLElement>(selector);
    const target = (better === null ? null : find(better)) ?? find(`[data-focus="${place}"]`) ?? find('[data-focus]');
    target?.focus();
  }

  protected override updated(): void {
    const { center } = this.snapshot;
    const dialog = this.renderRoot.querySelector('dialog');
    if (dialog !== null && !dialog.open) dialog.showModal();
    this.seen?.watch(center, this.snapshot.timeline, this.renderRoot.querySelector('.request h3'));
    this.announcer.say(
      this.renderRoot.querySelector('[data-live]'),
      this.context(center),
      center,
      center === null ? 0 : this.left(center),
    );
  }

  private context(center: Center | null): Context {
    return {
      translate: createTranslate(this.texts.texts),
      format: createFormat(this.texts.locale),
      now: this.store.clock.now(),
      viewer: center?.viewer.role ?? 'client',
    };
  }

  private body(context: Context, center: Center): TemplateResult {
    const { openDispute } = center;
    const composing = this.composer.state();
    const action = this.composer.action();
    const onAct = this.confirmer.open;
    const last = center.lastDispute ?? null;
    if (openDispute !== null && composing.step !== 'write') {
      return html`${requestView(context, center, openDispute, this.left(center), onAct)}`;
    }
    return html`${openDispute === null ? nothing : requestView(context, center, openDispute, this.left(center), onAct)}
      ${openDispute !== null || last === null ? nothing : outcomeView(context, center, last)}
      ${
        composing.step === 'write' && action !== undefined && composing.draft !== null
          ? writeView(context, action, composing.draft, composing, this.composer)
          : center.unavailable !== null
            ? closedView(context, center)
            : chooseView(context, center, composing, this.composer)
      }`;
  }

  protected override render(): TemplateResult {
    const { center, timeline, problem, connection } = this.snapshot;
    const context = this.context(center);
    const retry = () => this.restartOrRefresh();
    if (center === null) {
      const view = problem === null ? loadingView(context) : failedView(context, problem, retry);
      return html`<div part="card" class="card" lang=${this.texts.locale}>${view}</div>`;
    }
    const confirming = this.confirmer.state();
    const showAll = () => {
      this.showsAll = true;
      this.requestUpdate();
    };
    const banner = { connection, problem, isOffline: !navigator.onLine, asOf: center.serverTime };
    return html`<div part="card" class="card" lang=${this.texts.locale} role="group" aria-label=${text(context, 'title')}>
      ${bannerView(context, banner, retry)}
      ${headerView(context, center)}
      ${this.body(context, center)}
      ${timelineView(context, timeline, this.showsAll, showAll)}
      ${center.openDispute === null ? nothing : html`<div class="foot">${otherRequestsView(context, center)}</div>`}
    </div>
    ${confirming === null ? nothing : dialogView(context, confirming, this.confirmer.option(), this.confirmer.news(), this.confirmer)}
    <p class="hidden" role="status" data-live></p>`;
  }

  private restartOrRefresh(): void {
    if (this.snapshot.connection === 'live') void this.store.refresh();
    else if (this.isComplete()) this.store.start(this.orderId);
  }
}

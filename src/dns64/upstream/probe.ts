/** A question put to a server that is marked dead, beside the one a living server gets, to see whether it is back. */
import { Exchange, type ExchangeOwner } from './exchange.js';
import type { Ask } from './request.js';
import type { Server } from './server.js';

export class Probe implements ExchangeOwner {
  private readonly exchange: Exchange;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly server: Server,
    ask: Ask,
    private readonly onEnd: (probe: Probe) => void,
  ) {
    server.probing = true;
    this.exchange = new Exchange(server, ask, this);
    this.timer = setTimeout(() => this.onTimer(), server.options.attemptMs.most);
  }

  start(): void {
    this.exchange.start();
  }

  /** The answer itself is of no use: the exchange has told the server's health. */
  onDone(): void {
    clearTimeout(this.timer);
    this.server.probing = false;
    this.onEnd(this);
  }

  cancel(): void {
    this.exchange.cancel();
    this.onDone();
  }

  private onTimer(): void {
    this.exchange.late();
    this.cancel();
  }
}

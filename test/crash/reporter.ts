/**
 * What sends one request after the other to a service that may die at any moment. A request without an answer is the first it
 * sends again, exactly as it was.
 */
import { expect } from '@jest/globals'
import { setTimeout as delay } from 'node:timers/promises'
import { NoAnswer, type Answer } from '../api-client.js'
import type { Random } from '../random.js'
import type { ServiceProcess } from '../service-process.js'
import type { Ledger, ReportedUsage } from './load.js'

/** Between two tries of a request that was answered with 503. */
const RETRY_MS = 20
const RETRIES_MAX = 1_000

export abstract class Reporter<Operation> {
  private pending: Operation | null = null
  /** What it recorded, oldest first. */
  protected readonly mine: ReportedUsage[] = []
  /** Identifiers and keys it made. */
  protected made = 0

  constructor(
    readonly customer: string,
    protected readonly random: Random,
    protected readonly ledger: Ledger,
    protected readonly now: number,
  ) {}

  /** Sends until `isOver`, or until the service is gone. `moment` is called before and after each request. */
  async report(service: ServiceProcess, moment: () => void, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const operation = (this.pending ??= this.choose())
      moment()
      try {
        await this.perform(service, operation, isOver)
      } catch (error) {
        if (error instanceof NoAnswer) return
        throw error
      }
      moment()
    }
  }

  /** Sends again what was not answered. */
  async settle(service: ServiceProcess): Promise<void> {
    if (this.pending) await this.perform(service, this.pending, () => false)
  }

  protected abstract choose(): Operation
  protected abstract send(service: ServiceProcess, operation: Operation): Promise<Answer>
  /** Any answer but a 503. */
  protected abstract take(operation: Operation, answer: Answer): void

  private async perform(service: ServiceProcess, operation: Operation, isOver: () => boolean): Promise<void> {
    for (let attempt = 1; attempt <= RETRIES_MAX; attempt++) {
      const answer = await this.send(service, operation)
      if (answer.status === 503) {
        expect(answer.headers).toHaveProperty('retry-after')
        expect(answer.body.error?.type).toBe('api_error')
        this.ledger.refusedForNow++
        if (isOver()) return
        await delay(RETRY_MS)
        continue
      }
      this.take(operation, answer)
      this.pending = null
      this.ledger.acknowledged++
      return
    }
    throw new Error(`Answered 503 ${RETRIES_MAX} times.`)
  }
}

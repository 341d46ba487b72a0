/** The composition root of the HTTP side: every controller, command and query is listed here, over the parts it is given. */
import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { CqrsModule } from '@nestjs/cqrs'
import type { Logger } from 'pino'
import { RoleGuard } from './api/caller.js'
import { ExplanationController } from './api/explanation.controller.js'
import { AuditsController } from './api/audits.controller.js'
import { CustomerUsageController } from './api/customer-usage.controller.js'
import { DigestController } from './api/digest.controller.js'
import { HealthController, READINESS } from './api/health.controller.js'
import { LiveConnections } from './api/live-connections.js'
import { LiveController } from './api/live.controller.js'
import { MeterActivityController } from './api/meter-activity.controller.js'
import { MeterEventsController } from './api/meter-events.controller.js'
import { MeterHistoryController } from './api/meter-history.controller.js'
import { MeterPreviewController } from './api/meter-preview.controller.js'
import { MeterUsageController } from './api/meter-usage.controller.js'
import { MetersController } from './api/meters.controller.js'
import { RateLimitGuard, type RateLimits } from './api/rate-limits.js'
import { ProjectionsController } from './api/projections.controller.js'
import { ReadContext } from './api/read-context.js'
import { RejectionsController } from './api/rejections.controller.js'
import { SessionController } from './api/session.controller.js'
import { Idempotency } from './api/stripe/idempotency.js'
import { SYSTEM_FACTS, SystemController, type SystemFacts } from './api/system.controller.js'
import { UsageAnswers } from './api/usage-answers.js'
import { UsageImportsController } from './api/usage-imports.controller.js'
import { UsageRecordsController } from './api/usage-records.controller.js'
import { V2MeterEventStreamController } from './api/v2-meter-event-stream.controller.js'
import { V2MeterEventsController } from './api/v2-meter-events.controller.js'
import { ApiKeyRing } from './commands/api-key-ring.js'
import { CancelUsageHandler } from './commands/cancel-usage.js'
import { ChangeMeterHandler } from './commands/change-meter.js'
import { CreateMeterHandler } from './commands/create-meter.js'
import { CLOCK, IDS, type Clock, type Ids, type Stopwatch } from './commands/environment.js'
import { ImportUsageBatchHandler } from './commands/import-usage-batch.js'
import { MeterCatalogues } from './commands/meter-catalogues.js'
import { RecordUsageHandler } from './commands/record-usage.js'
import { RecordUsageStreamHandler } from './commands/record-usage-stream.js'
import { RejectionLog } from './commands/rejection-log.js'
import { RetryRejectionsHandler } from './commands/retry-rejections.js'
import { SignedTokens } from './commands/signed-token.js'
import { UsageLedger } from './commands/usage-ledger.js'
import { EVENT_STORE, type EventStore } from './event-store/event-store.js'
import { ReadYourWrites } from './event-store/read-your-writes.js'
import { Actors } from './queries/actors.js'
import { CountRejectionsHandler } from './queries/count-rejections.js'
import { ExplainUsageHandler } from './queries/explain-usage.js'
import { FindOpenRejectionsHandler } from './queries/find-open-rejections.js'
import { FirstAnswers } from './queries/first-answers.js'
import { GetCustomerUsageHandler } from './queries/get-customer-usage.js'
import { GetMeterActivityHandler } from './queries/get-meter-activity.js'
import { GetMeterHandler } from './queries/get-meter.js'
import { GetMeterEventSummariesHandler } from './queries/get-meter-event-summaries.js'
import { GetMeterUsageHandler } from './queries/get-meter-usage.js'
import { GetRejectionHandler } from './queries/get-rejection.js'
import { GetUsageByCustomerHandler } from './queries/get-usage-by-customer.js'
import { GetUsageRecordHandler } from './queries/get-usage-record.js'
import { LedgerChanges } from './queries/ledger-changes.js'
import { ListMeterChangesHandler } from './queries/list-meter-changes.js'
import { ListMetersHandler } from './queries/list-meters.js'
import { ListRejectionReportsHandler } from './queries/list-rejection-reports.js'
import { ListRejectionsHandler } from './queries/list-rejections.js'
import { ListUsageRecordsHandler } from './queries/list-usage-records.js'
import { PreviewMeterHandler } from './queries/preview-meter.js'
import { Reader } from './queries/reader.js'
import { LongPageTurns, LongReadTurns, WholeMeterTurns } from './queries/read-turns.js'
import { Audits } from './replay/audits.js'
import { GetDigestHandler } from './replay/get-digest.js'
import { ListProjectionsHandler, REBUILDS, type Rebuilds } from './replay/projection-states.js'
import { readinessOf } from './readiness.js'
import { READ_MODEL, type ReadModel } from './read-model/read-model.js'

/** What the HTTP side stands on; made and closed by `service.ts`. */
export interface ServiceParts {
  readonly store: EventStore
  readonly readModel: ReadModel
  readonly readYourWrites: ReadYourWrites
  readonly catalogues: MeterCatalogues
  readonly keyRing: ApiKeyRing
  readonly tokens: SignedTokens
  readonly usage: UsageLedger
  /** Whether no other process appends usage. */
  readonly isSoleWriter: boolean
  readonly rejections: RejectionLog
  readonly audits: Audits
  readonly rebuilds: Rebuilds
  /** Whether this process writes the read model. */
  readonly isWriting: () => boolean
  readonly clock: Clock
  readonly ids: Ids
  readonly stopwatch: Stopwatch
  readonly rateLimits: RateLimits
  /** How long a client may take to send a request; a minute by default. */
  readonly requestTimeoutMs?: number | undefined
  readonly log: Logger
  readonly version: string
  /** Where the events are. */
  readonly eventStoreUrl: string
  readonly readModelUrl: string
}

const controllers = [
  MetersController,
  MeterEventsController,
  V2MeterEventsController,
  V2MeterEventStreamController,
  UsageRecordsController,
  UsageImportsController,
  RejectionsController,
  MeterHistoryController,
  MeterActivityController,
  ExplanationController,
  MeterUsageController,
  CustomerUsageController,
  DigestController,
  AuditsController,
  ProjectionsController,
  MeterPreviewController,
  SessionController,
  LiveController,
  SystemController,
  HealthController,
]

const commandHandlers = [
  CreateMeterHandler,
  ChangeMeterHandler,
  RecordUsageHandler,
  RecordUsageStreamHandler,
  CancelUsageHandler,
  RetryRejectionsHandler,
  ImportUsageBatchHandler,
]

const queryHandlers = [
  GetMeterHandler,
  GetMeterActivityHandler,
  ListMetersHandler,
  GetMeterEventSummariesHandler,
  ListUsageRecordsHandler,
  GetUsageRecordHandler,
  ListRejectionsHandler,
  GetRejectionHandler,
  FindOpenRejectionsHandler,
  CountRejectionsHandler,
  ListRejectionReportsHandler,
  ListMeterChangesHandler,
  ExplainUsageHandler,
  GetMeterUsageHandler,
  GetUsageByCustomerHandler,
  GetCustomerUsageHandler,
  GetDigestHandler,
  ListProjectionsHandler,
  PreviewMeterHandler,
]

function notReady(log: Logger): (reason: string) => void {
  return (reason) => log.error({ reason }, 'The read model cannot be read, so the service is not ready.')
}

function systemFacts({ version, eventStoreUrl, readModelUrl, isWriting, clock }: ServiceParts): SystemFacts {
  const eventStore = eventStoreUrl.startsWith('embedded:') ? 'embedded' : 'eventstoredb'
  const readModel = readModelUrl.startsWith('embedded:') ? 'embedded' : 'postgresql'
  return { version, eventStore, readModel, isWriting, startedAt: clock.now() }
}

@Module({})
export class AppModule {
  static over(parts: ServiceParts): DynamicModule {
    const {
      store,
      readModel,
      readYourWrites,
      catalogues,
      keyRing,
      usage,
      rejections,
      clock,
      ids,
      rateLimits,
      stopwatch,
    } = parts
    const given: Provider[] = [
      { provide: EVENT_STORE, useValue: store },
      { provide: READ_MODEL, useValue: readModel },
      { provide: CLOCK, useValue: clock },
      { provide: IDS, useValue: ids },
      { provide: READINESS, useValue: readinessOf(store, readYourWrites, readModel, notReady(parts.log)) },
      { provide: SYSTEM_FACTS, useValue: systemFacts(parts) },
      { provide: WholeMeterTurns, useValue: new WholeMeterTurns() },
      { provide: LongReadTurns, useValue: new LongReadTurns() },
      { provide: LongPageTurns, useValue: new LongPageTurns() },
      { provide: ReadYourWrites, useValue: readYourWrites },
      { provide: MeterCatalogues, useValue: catalogues },
      { provide: UsageLedger, useValue: usage },
      { provide: RejectionLog, useValue: rejections },
      { provide: Audits, useValue: parts.audits },
      { provide: REBUILDS, useValue: parts.rebuilds },
      { provide: ApiKeyRing, useValue: keyRing },
      { provide: SignedTokens, useValue: parts.tokens },
      { provide: Reader, useValue: new Reader(readModel, readYourWrites, store, usage, parts.isSoleWriter) },
      { provide: Actors, useValue: new Actors(() => keyRing.stream.read()) },
      // After those who remember keys: whoever is told that keys changed must find them changed.
      { provide: LedgerChanges, useValue: new LedgerChanges(readYourWrites) },
      { provide: FirstAnswers, useValue: new FirstAnswers(readModel, store, readYourWrites) },
      { provide: APP_GUARD, useClass: RoleGuard },
    ]
    if (rateLimits.eventsPerSecond !== null || rateLimits.requestsPerSecond !== null) {
      // After the roles: what a key may not do does not use up what it may.
      given.push({ provide: APP_GUARD, useValue: new RateLimitGuard(rateLimits, stopwatch) })
    }
    return {
      module: AppModule,
      imports: [CqrsModule.forRoot()],
      controllers,
      providers: [
        ...given,
        ...commandHandlers,
        ...queryHandlers,
        ReadContext,
        Idempotency,
        UsageAnswers,
        LiveConnections,
      ],
    }
  }
}

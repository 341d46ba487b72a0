/** Every event there is. These type names and the meaning of every field are the storage format: permanent. */
import type * as ApiKeys from './api-keys.js'
import type * as MeterCatalogue from './meter-catalogue.js'
import type * as UsageRecord from './usage-record.js'
import type * as UsageRejections from './usage-rejections.js'

export type DomainEvent = MeterCatalogue.Event | UsageRecord.Event | UsageRejections.Event | ApiKeys.Event
export type EventType = DomainEvent['type']

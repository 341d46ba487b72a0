/** The cases, how much of each there is, and what their figures are measured against. */
import type { Target } from './figures.js'

export interface Settings {
  readonly mode: 'quick' | 'full'
  /** Runs of each side; the median is the figure. */
  readonly runs: number
  readonly streamRequests: number
  readonly singleRequests: number
  /** Records in the log of the cases that need a long one. */
  readonly records: number
  /** Of them, those of the customer whose month is asked for. */
  readonly bigCustomerRecords: number
  readonly summarySeconds: number
  readonly eventStoreDbAppends: number
  /** Records of the logs that are folded again, and how often that is done. */
  readonly foldedRecords: number
  readonly foldingRuns: number
}

const { BENCH_RECORDS } = process.env

export const quick: Settings = {
  mode: 'quick',
  runs: 5,
  streamRequests: 200,
  singleRequests: 3_000,
  records: Number(BENCH_RECORDS ?? 200_000),
  bigCustomerRecords: 100_000,
  summarySeconds: 3,
  eventStoreDbAppends: 200,
  foldedRecords: Number(BENCH_RECORDS ?? 100_000),
  foldingRuns: 3,
}

export const full: Settings = {
  mode: 'full',
  runs: 9,
  streamRequests: 1_000,
  singleRequests: 20_000,
  records: Number(BENCH_RECORDS ?? 10_000_000),
  bigCustomerRecords: 1_000_000,
  summarySeconds: 20,
  eventStoreDbAppends: 1_000,
  foldedRecords: Number(BENCH_RECORDS ?? 5_000_000),
  foldingRuns: 1,
}

export const STREAM_EVENTS = 100
export const STREAM_CONNECTIONS = 16
export const SINGLE_CONNECTIONS = 64
/** Events of one append, and streams that are appended to at once: a ledger's partitions. */
export const APPEND_EVENTS = 100
export const PARTITIONS = 8

const atLeast = (least: number, aim: number): Target => ({ atLeast: least, aim })
const atMost = (most: number, aim: number): Target => ({ atLeast: most, aim, isCeiling: true })

export const targets = {
  stream: atLeast(0.7, 1.0),
  single: atLeast(0.5, 0.9),
  longLog: atLeast(0.8, 1.0),
  duplicates: atLeast(0.8, 1.0),
  summaryMs: atMost(5, 2),
  residentMiB: atMost(600, 600),
  residentGrowthPercent: atMost(5, 5),
  startMs: atMost(2_000, 1_000),
  eventStoreDb: atLeast(0.8, 0.95),
  rebuild: atLeast(0.5, 0.9),
  duringRebuild: atLeast(0.5, 0.7),
  audit: atLeast(0.6, 1.0),
  foldingResidentMiB: atMost(700, 700),
} as const

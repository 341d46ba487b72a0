/**
 * What the client's errors mean. An append's error is a conflict or a refusal only where the server said just that;
 * anything else leaves the outcome unknown. Not every failure is a CommandError: refused connections are plain gRPC
 * errors and failed discoveries plain ones.
 */
import {
  AccessDeniedError,
  InvalidArgumentError,
  MaxAppendSizeExceededError,
  StreamDeletedError,
  WrongExpectedVersionError,
  isCommandError,
} from '@eventstore/db-client'
import { portRevision } from './eventstoredb-codec.js'
import { EventStoreCorrupt, EventStoreRefusing, EventStoreUnavailable, type AppendOutcome } from './event-store.js'

/** The server did not answer in our time. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

const GRPC_INVALID_ARGUMENT = 3
/** The batch path's bad request reaches us as an unknown error with this text. */
const BAD_REQUEST = 'Could not recognize BadRequest'
const READING_DENIED =
  'EventStoreDB denies reading: the user in EVENT_STORE_URL needs the right to read $all, which only $admins have by default, and to read and write the streams of Meterbook'
export const APPENDING_DENIED =
  'EventStoreDB denies appending: the user in EVENT_STORE_URL needs the right to write the streams of Meterbook, and to read them and $all'
const EMPTY_NOTE = /\s*Resolution note:\s*$/
const INVALID_POSITION = 'invalid position'

/** Nothing was written by that try; a right may be back a moment later. */
export interface Denied {
  readonly status: 'denied'
  readonly message: string
}

export type AppendFailure = Extract<AppendOutcome, { status: 'conflict' | 'rejected' | 'unknown' }> | Denied

export function appendFailure(error: unknown): AppendFailure {
  if (error instanceof WrongExpectedVersionError) {
    const { actualVersion } = error
    return { status: 'conflict', revision: portRevision(actualVersion) }
  }
  if (error instanceof MaxAppendSizeExceededError)
    return { status: 'rejected', message: `The server takes at most ${error.maxAppendSize} bytes an append` }
  if (error instanceof AccessDeniedError) return { status: 'denied', message: APPENDING_DENIED }
  if (error instanceof StreamDeletedError) return { status: 'rejected', message: 'The stream was deleted for good' }
  if (error instanceof InvalidArgumentError) return { status: 'rejected', message: describe(error) }
  if (isCommandError(error as Error) && (hasCode(error, GRPC_INVALID_ARGUMENT) || describe(error) === BAD_REQUEST))
    return { status: 'rejected', message: 'The server called it a bad request' }
  return { status: 'unknown', message: describe(error) }
}

/**
 * Whether a client that gave this is to be replaced: it timed out, or it failed in a way that it may keep for ever
 * (discovery, capabilities). After a CommandError it mends its connection itself, and knows the leader's address.
 */
export function poisons(error: unknown): boolean {
  return !isCommandError(error as Error)
}

export function readFailure(error: unknown): Error {
  if (error instanceof EventStoreCorrupt || error instanceof EventStoreUnavailable) return error
  if (error instanceof StreamDeletedError) return new EventStoreCorrupt('A stream of ours was deleted for good')
  if (error instanceof AccessDeniedError) return new EventStoreRefusing(READING_DENIED, { cause: error })
  // The log was restored or wiped: our positions are another log's.
  if (describe(error).includes(INVALID_POSITION))
    return new EventStoreCorrupt('The position is no place in this log; was the database replaced?')
  return new EventStoreUnavailable(`EventStoreDB cannot be read: ${describe(error)}`, { cause: error })
}

/** Whether the same read may succeed when it is made again. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof AccessDeniedError) && !(readFailure(error) instanceof EventStoreCorrupt)
}

/** In words. Some of the client's errors have a type and no message, and gRPC's end in a heading with nothing below it. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error'
  const message = error.message.replace(EMPTY_NOTE, '')
  return message !== '' ? message : isCommandError(error) ? error.type : error.name
}

function hasCode(error: unknown, code: number): boolean {
  return (error as { code?: unknown }).code === code
}

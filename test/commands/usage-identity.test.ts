import { describe, expect, it } from '@jest/globals'
import { identifierInBatch, identifierOfLine, identifierOfRequest } from '../../src/commands/usage-identity.js'

/** As any implementation of UUIDv5 makes them: what a released version answered, a later one must find again. */
describe('The identifier made for an event that came without one', () => {
  it('of a request is the UUIDv5 of its ledger and key', () => {
    expect(identifierOfRequest('default~test', 'key')).toBe('6decc186-81ad-5a93-b298-530886187978')
    expect(identifierOfRequest('default~live', 'key')).toBe('9c34f1ec-ad0d-5f96-8f5a-4e42b931121e')
    expect(identifierOfRequest('default~test', 'key 顧客')).toBe('afa03ff3-fe56-5e84-a544-0972921e4673')
  })

  it('of a batch has the place in it', () => {
    expect(identifierInBatch('default~test', 'key', 1)).toBe('638fedbd-0be3-5441-8bf9-0397f4bb1f17')
    expect(identifierInBatch('default~test', 'key', 10)).toBe('73871dbe-7600-5273-a5da-9a773f60f71a')
  })

  it('of a request whose key ends like a place in a batch is not that of the batch', () => {
    expect(identifierOfRequest('default~test', 'key 1')).toBe('37afb72e-1480-5808-a57b-cca3c1dc4047')
  })

  it('of an imported line has its source and number', () => {
    expect(identifierOfLine('usage.csv', 1)).toBe('59d083b0-b91e-58c3-a290-25e3a5503edb')
    expect(identifierOfLine('usage.csv', 2)).toBe('06d244a1-8822-5c5b-a7aa-fe2eb206f2a0')
  })
})

import { describe, expect, it } from '@jest/globals'
import * as ApiKeys from '../../src/domain/api-keys.js'
import type { Event } from '../../src/domain/api-keys.js'
import { fold } from '../../src/domain/decider.js'
import { NOW } from '../controls.js'
import { specify } from './decider-specification.js'
import { apiKey } from './examples.js'

const given = specify(ApiKeys)
const issued: Event = { type: 'ApiKeyIssued', data: apiKey }
const revoked: Event = { type: 'ApiKeyRevoked', data: { keyId: 'key_1', at: NOW + 1 } }
const issue = { type: 'IssueApiKey', key: apiKey } as const
const revoke = { type: 'RevokeApiKey', keyId: 'key_1', at: NOW + 1 } as const

describe('Issuing an API key', () => {
  it('issues it', () => {
    given().when(issue).then(issued)
  })

  it('adds nothing for a key that was issued with the same rights, under whatever id', () => {
    given(issued)
      .when({ ...issue, key: { ...apiKey, keyId: 'key_2', name: 'second', issuedAt: NOW + 9 } })
      .then()
  })

  it.each([
    ['ledger', { ledger: 'default~live' }],
    ['ledger', { ledger: 'other~test' }],
    ['role', { role: 'read' }],
  ] as const)('refuses a known key with another %s', (_part, change) => {
    given(issued)
      .when({ ...issue, key: { ...apiKey, keyId: 'key_2', ...change } })
      .thenRefused('parameter_invalid', 'key')
  })

  it('refuses a key that was revoked: it stays revoked for ever', () => {
    given(issued, revoked).when(issue).thenRefused('parameter_invalid', 'key')
  })

  it('issues any number of different keys', () => {
    const other = { ...apiKey, keyId: 'key_2', hash: '11'.repeat(32) }
    given(issued, revoked)
      .when({ ...issue, key: other })
      .then({ type: 'ApiKeyIssued', data: other })
  })
})

describe('Revoking an API key', () => {
  it('revokes it', () => {
    given(issued).when(revoke).then(revoked)
  })

  it('adds nothing where it is revoked, and keeps the first time', () => {
    given(issued, revoked)
      .when({ ...revoke, at: NOW + 2 })
      .then()
    expect(fold(ApiKeys, [issued, revoked]).keys.get('key_1')).toEqual({ ...apiKey, revokedAt: NOW + 1 })
  })

  it('is refused for a key that is not there', () => {
    given(issued)
      .when({ ...revoke, keyId: 'key_2' })
      .thenRefused('resource_missing', 'id')
  })
})

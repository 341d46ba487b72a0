import { describe, expect, it } from '@jest/globals'
import { KNOWN_AUTHORIZATIONS_MAX, KnownAuthorizations } from '../../src/api/known-authorizations.js'
import type { ApiKeyRing } from '../../src/commands/api-key-ring.js'
import type { ApiKey } from '../../src/domain/api-keys.js'

/** Of a ring, what is active, and how often it was asked. */
class Ring {
  readonly active = new Map<string, ApiKey>()
  asked = 0

  async findById(keyId: string): Promise<ApiKey | null> {
    this.asked++
    return this.active.get(keyId) ?? null
  }

  issue(keyId: string): ApiKey {
    const key = { keyId } as ApiKey
    this.active.set(keyId, key)
    return key
  }
}

function knownOf(ring: Ring): KnownAuthorizations {
  return new KnownAuthorizations(ring as unknown as ApiKeyRing)
}

describe('Known authorizations', () => {
  it('find the key of a header they were told of, and of no other', async () => {
    const ring = new Ring()
    const known = knownOf(ring)
    const [one, other] = [ring.issue('key_1'), ring.issue('key_2')]
    known.remember('Bearer one', one)
    known.remember('Basic one', one)
    known.remember('Bearer other', other)
    expect(await known.find('Bearer one')).toBe(one)
    expect(await known.find('Basic one')).toBe(one)
    expect(await known.find('Bearer other')).toBe(other)
    for (const header of ['', 'bearer one', 'Bearer one ', 'Bearer', 'key_1'])
      expect(await known.find(header)).toBeNull()
  })

  it('ask the ring each time, and forget a key that is no longer active', async () => {
    const ring = new Ring()
    const known = knownOf(ring)
    known.remember('Bearer one', ring.issue('key_1'))
    await known.find('Bearer one')
    ring.active.delete('key_1')
    expect(await known.find('Bearer one')).toBeNull()
    expect(ring.asked).toBe(2)
    expect(await known.find('Bearer one')).toBeNull()
    expect(ring.asked).toBe(2)
  })

  it('forget the oldest beyond their number', async () => {
    const ring = new Ring()
    const known = knownOf(ring)
    const key = ring.issue('key_1')
    for (let number = 0; number <= KNOWN_AUTHORIZATIONS_MAX; number++) known.remember(`Bearer ${number}`, key)
    expect(await known.find('Bearer 0')).toBeNull()
    expect(await known.find('Bearer 1')).toBe(key)
    expect(await known.find(`Bearer ${KNOWN_AUTHORIZATIONS_MAX}`)).toBe(key)
  })
})

/** The tabs of a meter's page that there are, in their order; each is loaded when it is first shown. */
import type { ComponentType } from 'react'
import type { Meter } from '../answers.js'
import { loadedLater } from '../loaded-later.js'
import type { MeterTab } from '../route.js'

export type MeterTabPage = ComponentType<{ readonly meter: Meter }>

export const tabPages: Readonly<Partial<Record<MeterTab, MeterTabPage>>> = {
  overview: loadedLater(async () => (await import('../overview/overview-tab.js')).OverviewTab),
  customers: loadedLater(async () => (await import('../customers/customers-tab.js')).CustomersTab),
  events: loadedLater(async () => (await import('./events-tab.js')).EventsTab),
  history: loadedLater(async () => (await import('./history-tab.js')).HistoryTab),
  integrate: loadedLater(async () => (await import('./integrate-tab.js')).IntegrateTab),
}

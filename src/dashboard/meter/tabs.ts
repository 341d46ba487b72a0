/** The tabs of a meter's page that there are, in their order; each is loaded when it is first shown. */
import { lazy, type ComponentType } from 'react'
import type { Meter } from '../answers.js'
import type { MeterTab } from '../route.js'

export type MeterTabPage = ComponentType<{ readonly meter: Meter }>

export const tabPages: Readonly<Partial<Record<MeterTab, MeterTabPage>>> = {
  overview: lazy(async () => ({ default: (await import('../overview/overview-tab.js')).OverviewTab })),
  customers: lazy(async () => ({ default: (await import('../customers/customers-tab.js')).CustomersTab })),
  events: lazy(async () => ({ default: (await import('./events-tab.js')).EventsTab })),
  history: lazy(async () => ({ default: (await import('./history-tab.js')).HistoryTab })),
  integrate: lazy(async () => ({ default: (await import('./integrate-tab.js')).IntegrateTab })),
}

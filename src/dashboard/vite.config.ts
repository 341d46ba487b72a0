/** Builds the dashboard into `dist/dashboard`; `npm run dashboard:dev` serves it from source beside a running service. */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** Where `npm run dashboard:dev` finds the service. */
const service = process.env.METERBOOK_URL ?? 'http://127.0.0.1:4242'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Files are asked for beside the page: a proxy may put it under a path of its own.
  base: './',
  build: {
    outDir: fileURLToPath(new URL('../../dist/dashboard', import.meta.url)),
    emptyOutDir: true,
    // The Content-Security-Policy allows no inline code and no data: fonts or styles.
    assetsInlineLimit: 0,
    // A page whose code is there later never stands without its style.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: {
      // "use client" is for frameworks that render on a server.
      checks: { moduleLevelDirective: false },
    },
  },
  server: {
    proxy: Object.fromEntries(['/v1', '/v2', '/meterbook', '/readyz'].map((path) => [path, { target: service }])),
  },
})

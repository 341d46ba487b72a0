/** `node dist/main.js` starts the service with what the environment says. See `config.ts` for the variables. */
import { serve } from './serve.js'

await serve()

/** `node dist/main.js` starts the service with what the environment says. See `config.ts` for the variables. */
import { serve } from './serve.js'

// What is made is its owner's alone, whatever may be read of the folder it is in.
process.umask(0o077)

if (process.argv.length > 2) {
  process.stderr.write(
    'This starts the service and takes no arguments: settings are environment variables. Other commands: npx meterbook --help\n',
  )
  process.exit(2)
}
await serve()

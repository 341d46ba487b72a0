import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
/** Nothing is loaded from, sent to or framed by any other host, and no code or style is written in the page. */
export const CONTENT_SECURITY_POLICY = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
].join('; ');
const PAGE = 'index.html';
const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
const contentTypes = {
    '.css': 'text/css; charset=utf-8',
    '.html': 'text/html; charset=utf-8',
    '.js': 'text/javascript; charset=utf-8',
    '.svg': 'image/svg+xml',
};
/** To be called before the server is ready. */
export function serveDashboard(server, folder) {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const type = contentTypes[extname(name)];
        if (type === undefined)
            continue;
        const content = readFileSync(join(folder, name));
        const zipped = gzipSync(content);
        const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
        server.get(name === PAGE ? '/' : `/${name.replaceAll('\\', '/')}`, (request, reply) => {
            const { 'accept-encoding': encodings = '', 'if-none-match': known } = request.headers;
            reply.headers({
                'cache-control': name === PAGE ? 'no-cache' : `public, max-age=${ONE_YEAR_SECONDS}, immutable`,
                'content-security-policy': CONTENT_SECURITY_POLICY,
                'content-type': type,
                'referrer-policy': 'no-referrer',
                'x-content-type-options': 'nosniff',
                vary: 'accept-encoding',
                etag,
            });
            if (known === etag)
                return reply.code(304).send();
            if (!/\bgzip\b/.test(String(encodings)))
                return reply.send(content);
            return reply.header('content-encoding', 'gzip').send(zipped);
        });
    }
}
//# sourceMappingURL=dashboard-files.js.map
# Node.js 24 gets fixes until April 2028; 20, the oldest that Meterbook runs on, gets none since April 2026. From 22 on nothing need be
# compiled: better-sqlite3 brings its native code along (docs/decisions/0053-two-versions-of-better-sqlite3.md).
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
# Only what is run: no types, source maps, compilers, nor SQLite for other systems.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && cd node_modules \
  && rm -r better-sqlite3-for-node-20 typescript better-sqlite3/deps better-sqlite3/src \
  && find better-sqlite3/prebuilds -name '*.node' ! -name 'linux-*' -delete \
  && find . ../dist -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
  HOST=0.0.0.0 \
  PORT=4242 \
  DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./package.json
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY LICENSE ./
RUN chmod +x dist/cli/main.js && ln -s /app/dist/cli/main.js /usr/local/bin/meterbook
# A new named volume takes over the owner and mode of this folder.
RUN mkdir --mode=0700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4242
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD ["node", "dist/healthcheck.js"]
CMD ["node", "dist/main.js"]

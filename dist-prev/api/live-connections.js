var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Every live connection of the process, so many at most. They end at once when it stops, so that none holds the stop up. */
import { Injectable } from '@nestjs/common';
import { LedgerChanges } from '../queries/ledger-changes.js';
import { Overloaded } from '../overloaded.js';
import { LiveConnection } from './live-connection.js';
import { ApiError } from './stripe/api-error.js';
export const LIVE_CONNECTIONS_MAX = 1_000;
/** A key serves everyone who signed in with it. */
export const LIVE_CONNECTIONS_PER_KEY_MAX = 100;
let LiveConnections = class LiveConnections {
    changes;
    /** With the id of its key. */
    open = new Map();
    isStopping = false;
    constructor(changes) {
        this.changes = changes;
    }
    /** @throws Overloaded, ApiError 503 while the service stops. */
    connect({ ledger, keyId }, mayGoOn) {
        if (this.isStopping) {
            throw new ApiError({ status: 503, type: 'api_error', message: 'The service is stopping. Please try again.' });
        }
        if (this.open.size >= LIVE_CONNECTIONS_MAX)
            throw new Overloaded('Too many live connections are open.');
        if (this.ofKey(keyId) >= LIVE_CONNECTIONS_PER_KEY_MAX) {
            throw new Overloaded(`This API key has ${LIVE_CONNECTIONS_PER_KEY_MAX} live connections open. Close one first.`);
        }
        const connection = new LiveConnection({ position: () => this.changes.position, mayGoOn });
        this.open.set(connection, keyId);
        const stopListening = this.changes.listen(ledger, connection);
        connection.body.on('close', () => {
            stopListening();
            this.open.delete(connection);
        });
        return connection;
    }
    onModuleDestroy() {
        this.isStopping = true;
        for (const connection of this.open.keys())
            connection.end();
    }
    ofKey(keyId) {
        let count = 0;
        for (const each of this.open.values())
            if (each === keyId)
                count++;
        return count;
    }
};
LiveConnections = __decorate([
    Injectable(),
    __metadata("design:paramtypes", [LedgerChanges])
], LiveConnections);
export { LiveConnections };
//# sourceMappingURL=live-connections.js.map
var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/**
 * Where failures leave the service: Nest's filter for requests that were routed, Fastify's handlers for those that never
 * were (a malformed URL, a request Node cannot parse), and Node's for those it would answer by itself (an unknown `Expect`,
 * `CONNECT`). All of them send `answerTo`, with a request id.
 */
import { Catch } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { ApiError } from './api-error.js';
import { answerTo, requestCodes } from './error-envelope.js';
const JSON_TYPE = 'application/json; charset=utf-8';
let ErrorEnvelopeFilter = class ErrorEnvelopeFilter {
    log;
    constructor(log) {
        this.log = log;
    }
    catch(error, host) {
        const http = host.switchToHttp();
        sendError(error, http.getRequest(), http.getResponse(), this.log);
    }
};
ErrorEnvelopeFilter = __decorate([
    Catch(),
    __metadata("design:paramtypes", [Object])
], ErrorEnvelopeFilter);
export { ErrorEnvelopeFilter };
/** Fastify's `frameworkErrors`: what its router refuses, before any hook, filter or error handler. */
export function frameworkErrors(log) {
    return (error, request, { raw }) => {
        const answer = answerTo(error, request);
        if (answer.ours)
            log.error({ requestId: request.id, err: error }, 'A request failed.');
        raw.writeHead(answer.status, { ...answer.headers, 'content-type': JSON_TYPE, 'request-id': request.id });
        raw.end(answer.body);
    };
}
/** Fastify's `clientErrorHandler`: what Node's HTTP parser refuses. There is no request yet, so also no path. */
export function clientErrorHandler(newRequestId) {
    return (error, socket) => {
        // A client that went away is no error, and nobody is left to answer.
        if (error.code === 'ECONNRESET' || !socket.writable) {
            socket.destroy();
            return;
        }
        endSocket(socket, answerTo(unreadableRequest(error.code), { method: '', url: '' }), newRequestId());
    };
}
/** What Node answers with an empty body, or not at all. */
export function answerForNode(server, newRequestId) {
    server.on('checkExpectation', ({ method = '', url = '' }, response) => {
        const refusal = refused(417, 'The only expectation the service can meet is 100-continue. Leave Expect out.');
        const { status, body } = answerTo(refusal, { method, url });
        // Whether a body follows is not known, so the connection cannot go on.
        response.writeHead(status, { 'content-type': JSON_TYPE, 'request-id': newRequestId(), connection: 'close' });
        response.end(body);
    });
    server.on('connect', ({ url = '' }, socket) => {
        const refusal = refused(405, 'The service is no proxy. Please check the method and the path.');
        endSocket(socket, answerTo(refusal, { method: 'CONNECT', url }), newRequestId());
    });
}
function endSocket(socket, { status, body }, requestId) {
    const head = [
        `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
        `content-type: ${JSON_TYPE}`,
        `content-length: ${Buffer.byteLength(body)}`,
        `request-id: ${requestId}`,
        'connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
function unreadableRequest(code) {
    switch (code ?? '') {
        case 'ERR_HTTP_REQUEST_TIMEOUT':
            return refused(408, 'The request did not arrive in time.');
        case 'HPE_HEADER_OVERFLOW':
            return refused(431, 'The request headers are larger than the service accepts (16 KiB).');
        default:
            return refused(400, 'Invalid request: it is not valid HTTP.');
    }
}
function refused(status, message) {
    return new ApiError({ status, type: 'invalid_request_error', code: requestCodes[status], message });
}
function sendError(error, request, reply, log) {
    const answer = answerTo(error, request);
    if (answer.ours)
        log.error({ requestId: request.id, err: error }, 'A request failed.');
    // Too late for another answer: a response half written is cut off by Fastify.
    if (reply.sent)
        return;
    for (const [name, value] of Object.entries(answer.headers))
        reply.header(name, value);
    // Hooks do not run for every failure.
    if (!reply.hasHeader('request-id'))
        reply.header('request-id', request.id);
    reply.header('content-type', JSON_TYPE);
    reply.code(answer.status);
    reply.send(answer.body);
}
//# sourceMappingURL=error-envelope.filter.js.map
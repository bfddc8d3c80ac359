// An incremental HTTP/1.1 response parser that also counts the `data:` lines of an event stream.
//
// Feed it the bytes of a connection as they arrive; it keeps its place between calls. It follows
// Content-Length, chunked bodies (with extensions and trailers) and bodies that end with the
// connection, and it passes over 1xx responses.
#ifndef BENCH_RESPONSE_H
#define BENCH_RESPONSE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_LIMIT = 16384 };

enum response_state {
    IN_HEAD,
    IN_FIXED_BODY,
    IN_BODY_UNTIL_CLOSE,
    IN_CHUNK_SIZE,
    IN_CHUNK_EXTENSION,
    IN_CHUNK_DATA,
    IN_CHUNK_END,
    IN_TRAILER,
    RESPONSE_COMPLETE,
    RESPONSE_BROKEN,
};

struct response {
    enum response_state state;
    char head[HEAD_LIMIT];
    size_t head_len;
    int status;
    bool close_after;       // the server closes the connection after this response
    bool body_begun;        // at least one byte of the body has come
    size_t left;            // bytes left of the fixed body or of the current chunk
    bool trailer_line_used; // the current trailer line has a character
    int event_match;        // how much of "data:" this line has matched; -1: the line can't match
    long events;            // `data:` lines seen so far
};

static void response_reset(struct response *r) {
    r->state = IN_HEAD;
    r->head_len = 0;
    r->status = 0;
    r->close_after = false;
    r->body_begun = false;
    r->left = 0;
    r->trailer_line_used = false;
    r->event_match = 0;
    r->events = 0;
}

// Count lines that begin with "data:"; a line may be split anywhere between calls.
static void count_events(struct response *r, const char *bytes, size_t len) {
    static const char marker[] = "data:";
    const int whole = sizeof marker - 1;
    size_t i = 0;
    while (i < len) {
        if (r->event_match < 0) { // the rest of this line does not matter
            const char *newline = memchr(bytes + i, '\n', len - i);
            if (!newline) return;
            i = (size_t)(newline - bytes) + 1;
            r->event_match = 0;
            continue;
        }
        char c = bytes[i++];
        if (c == marker[r->event_match]) {
            if (++r->event_match == whole) {
                r->events++;
                r->event_match = -1;
            }
        } else {
            r->event_match = c == '\n' ? 0 : -1;
        }
    }
}

static void take_body(struct response *r, const char *bytes, size_t len) {
    if (len == 0) return;
    r->body_begun = true;
    count_events(r, bytes, len);
}

// Read the fields that frame the body; `head` ends before the empty line.
static void parse_head(struct response *r) {
    const char *length = strcasestr(r->head, "\r\ncontent-length:");
    const char *encoding = strcasestr(r->head, "\r\ntransfer-encoding:");
    r->status = r->head_len > 12 ? atoi(r->head + 9) : 0;
    r->close_after = strcasestr(r->head, "\r\nconnection: close") != NULL;
    if (r->status < 100) {
        r->state = RESPONSE_BROKEN;
    } else if (r->status < 200) { // an interim response: the real one follows
        r->state = IN_HEAD;
    } else if (encoding && strcasestr(encoding, "chunked")) {
        r->state = IN_CHUNK_SIZE;
        r->left = 0;
    } else if (length) {
        r->left = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
        r->state = r->left > 0 ? IN_FIXED_BODY : RESPONSE_COMPLETE;
    } else {
        r->state = IN_BODY_UNTIL_CLOSE;
        r->close_after = true;
    }
    r->head_len = 0;
}

// Returns how many bytes belong to the head.
static size_t take_head(struct response *r, const char *bytes, size_t len) {
    size_t before = r->head_len;
    size_t room = HEAD_LIMIT - 1 - before;
    size_t taken = len < room ? len : room;
    memcpy(r->head + before, bytes, taken);
    r->head_len += taken;
    r->head[r->head_len] = 0;
    char *end = strstr(r->head, "\r\n\r\n");
    if (!end) {
        if (taken == room) r->state = RESPONSE_BROKEN;
        return taken;
    }
    *end = 0;
    size_t whole = (size_t)(end - r->head) + 4;
    parse_head(r);
    return whole - before;
}

static size_t take_counted(struct response *r, const char *bytes, size_t len,
                           enum response_state after) {
    size_t taken = len < r->left ? len : r->left;
    take_body(r, bytes, taken);
    r->left -= taken;
    if (r->left == 0) r->state = after;
    return taken;
}

static void take_chunk_size_byte(struct response *r, char c) {
    if (c == '\n') {
        r->state = r->left == 0 ? IN_TRAILER : IN_CHUNK_DATA;
        r->trailer_line_used = false;
    } else if (c == ';') {
        r->state = IN_CHUNK_EXTENSION;
    } else if (c >= '0' && c <= '9') {
        r->left = r->left * 16 + (size_t)(c - '0');
    } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
        r->left = r->left * 16 + (size_t)((c | 32) - 'a' + 10);
    } else if (c != '\r' && c != ' ') {
        r->state = RESPONSE_BROKEN;
    }
}

static void take_trailer_byte(struct response *r, char c) {
    if (c == '\n') {
        if (!r->trailer_line_used) r->state = RESPONSE_COMPLETE;
        r->trailer_line_used = false;
    } else if (c != '\r') {
        r->trailer_line_used = true;
    }
}

// Feed the bytes that arrived. Returns how many were used: fewer than `len` only when the state
// became RESPONSE_COMPLETE or RESPONSE_BROKEN.
static size_t response_feed(struct response *r, const char *bytes, size_t len) {
    size_t i = 0;
    while (i < len && r->state != RESPONSE_COMPLETE && r->state != RESPONSE_BROKEN) {
        switch (r->state) {
        case IN_HEAD:
            i += take_head(r, bytes + i, len - i);
            break;
        case IN_FIXED_BODY:
            i += take_counted(r, bytes + i, len - i, RESPONSE_COMPLETE);
            break;
        case IN_BODY_UNTIL_CLOSE:
            take_body(r, bytes + i, len - i);
            i = len;
            break;
        case IN_CHUNK_SIZE:
            take_chunk_size_byte(r, bytes[i++]);
            break;
        case IN_CHUNK_EXTENSION: // skip to the end of the line, then as after a plain size
            if (bytes[i] == '\n') r->state = IN_CHUNK_SIZE;
            else i++;
            break;
        case IN_CHUNK_DATA:
            i += take_counted(r, bytes + i, len - i, IN_CHUNK_END);
            break;
        case IN_CHUNK_END:
            if (bytes[i++] == '\n') r->state = IN_CHUNK_SIZE;
            break;
        case IN_TRAILER:
            take_trailer_byte(r, bytes[i++]);
            break;
        case RESPONSE_COMPLETE:
        case RESPONSE_BROKEN:
            break;
        }
    }
    return i;
}

#endif

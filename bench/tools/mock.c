// mock: an OpenAI-compatible upstream on one thread that answers at once (see USAGE below).
//
// What it does with a request depends on words in its body:
//   nothing special      one chat completion
//   "stream":true        50 events, one each INTERVAL_US, then [DONE]; each is written by itself
//   ... and SLOW         one event a second instead: a stream that stays open
//   ... and BURST        the whole stream in one write
// The last content event carries the usage. Clients must not pipeline. There is no TLS here: the
// bench puts nginx in front for that.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: mock PORT [INTERVAL_US]\n"
    "\n"
    "  PORT         port to listen on at 127.0.0.1\n"
    "  INTERVAL_US  time between the events of a paced stream (default 5000)\n";

enum {
    CONTENT_EVENTS = 50,
    STREAM_EVENTS = CONTENT_EVENTS + 1, // and [DONE]
    SLOW_INTERVAL_US = 1000000,
    READ_ROOM = 65536,
    EVENT_BATCH = 512,
};

struct pacer;

struct connection {
    int fd;
    char *in; // bytes of the request so far
    size_t in_len, in_cap;
    char *out; // bytes the socket would not take yet: out[out_sent..out_len]
    size_t out_len, out_sent, out_cap;
    bool streaming;
    int next_event;
    int64_t due_us;
    struct connection *next; // in the pacer's queue
    bool closed;             // freed when the pacer meets it
};

// A queue of streams that all wait the same time between events, so it is ordered by due time.
struct pacer {
    int64_t interval_us;
    struct connection *first, *last;
};

static const char HEAD_FIELDS[] = "x-request-id: req_0123456789abcdef\r\n";

static const char COMPLETION[] =
    "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\","
    "\"created\":1741569952,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"Hello! Here is a short but realistic answer "
    "to your question. A gateway sits between the callers and the providers, checks the key, the "
    "budget and the guardrails, picks a deployment, forwards the request and accounts for the "
    "tokens that were used in it.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":219,\"completion_tokens\":50,"
    "\"total_tokens\":269,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
    "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44added55e\"}";

static const char CHUNK_PREFIX[] =
    "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\","
    "\"created\":1741569952,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_44added55e\",";

static char completion[4096]; // whole response, head and body
static size_t completion_len;
static char stream_head[512];
static size_t stream_head_len;
static char stream_event[STREAM_EVENTS][1024]; // each framed as an HTTP chunk
static size_t stream_event_len[STREAM_EVENTS];
static char burst[65536]; // a whole stream
static size_t burst_len;

static int poller;
static struct pacer paced, slow = {.interval_us = SLOW_INTERVAL_US};

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// --- canned responses ---------------------------------------------------------------------------

static void build_completion(void) {
    completion_len = (size_t)snprintf(
        completion, sizeof completion,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sopenai-processing-ms: 1\r\n"
        "x-ratelimit-remaining-requests: 9999\r\nContent-Length: %zu\r\n\r\n%s",
        HEAD_FIELDS, strlen(COMPLETION), COMPLETION);
}

// The text of one event, without the HTTP chunk around it.
static int write_event(char *to, size_t room, int i) {
    if (i == CONTENT_EVENTS) return snprintf(to, room, "data: [DONE]\n\n");
    if (i == CONTENT_EVENTS - 1) {
        return snprintf(to, room,
                        "data: %s\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,"
                        "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":219,"
                        "\"completion_tokens\":50,\"total_tokens\":269}}\n\n",
                        CHUNK_PREFIX);
    }
    char delta[64] = "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null";
    if (i > 0) snprintf(delta, sizeof delta, "\"content\":\" token%02d\"", i);
    return snprintf(to, room,
                    "data: %s\"choices\":[{\"index\":0,\"delta\":{%s},\"logprobs\":null,"
                    "\"finish_reason\":null}]}\n\n",
                    CHUNK_PREFIX, delta);
}

static void append_to_burst(const char *bytes, size_t len) {
    memcpy(burst + burst_len, bytes, len);
    burst_len += len;
}

static void build_stream(void) {
    stream_head_len = (size_t)snprintf(
        stream_head, sizeof stream_head,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n%s"
        "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD_FIELDS);
    append_to_burst(stream_head, stream_head_len);
    for (int i = 0; i < STREAM_EVENTS; i++) {
        char text[900];
        int len = write_event(text, sizeof text, i);
        const char *end = i == CONTENT_EVENTS ? "0\r\n\r\n" : ""; // [DONE] ends the body
        stream_event_len[i] = (size_t)snprintf(stream_event[i], sizeof stream_event[i],
                                               "%x\r\n%s\r\n%s", (unsigned)len, text, end);
        append_to_burst(stream_event[i], stream_event_len[i]);
    }
}

// --- connections --------------------------------------------------------------------------------

static void free_connection(struct connection *c) {
    free(c->in);
    free(c->out);
    free(c);
}

// A stream under way is still in its pacer's queue, which frees it when its turn comes.
static void close_connection(struct connection *c) {
    close(c->fd);
    c->closed = true;
    if (!c->streaming) free_connection(c);
}

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static void *grow(void *memory, size_t *cap, size_t need) {
    if (need <= *cap) return memory;
    *cap = need + *cap;
    memory = realloc(memory, *cap);
    if (!memory) fail("realloc");
    return memory;
}

// Send the bytes held back. False when the connection is broken.
static bool flush(struct connection *c) {
    while (c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) return false;
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return true;
        }
        c->out_sent += (size_t)n;
    }
    if (c->out_len > 0) watch(c, EPOLL_CTL_MOD, EPOLLIN);
    c->out_len = c->out_sent = 0;
    return true;
}

// Send now, or hold back what the socket won't take. False when the connection is broken.
static bool put(struct connection *c, const char *bytes, size_t len) {
    bool waiting = c->out_len > 0;
    if (!waiting) {
        ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return false;
        size_t sent = n < 0 ? 0 : (size_t)n;
        if (sent == len) return true;
        bytes += sent;
        len -= sent;
    }
    c->out = grow(c->out, &c->out_cap, c->out_len + len);
    memcpy(c->out + c->out_len, bytes, len);
    c->out_len += len;
    return waiting || flush(c);
}

// --- streams ------------------------------------------------------------------------------------

static void enqueue(struct pacer *pacer, struct connection *c, int64_t now) {
    c->due_us = now + pacer->interval_us;
    c->next = NULL;
    if (pacer->last) pacer->last->next = c;
    else pacer->first = c;
    pacer->last = c;
}

static struct connection *dequeue(struct pacer *pacer) {
    struct connection *c = pacer->first;
    pacer->first = c->next;
    if (!pacer->first) pacer->last = NULL;
    return c;
}

static bool begin_stream(struct connection *c, struct pacer *pacer) {
    if (!put(c, stream_head, stream_head_len)) return false;
    c->streaming = true;
    c->next_event = 0;
    enqueue(pacer, c, now_us());
    return true;
}

static bool put_next_event(struct connection *c) {
    int i = c->next_event++;
    return put(c, stream_event[i], stream_event_len[i]);
}

static bool answer_requests(struct connection *c);

// One stream's turn: its next event; [DONE] follows the last content event at once.
static void advance_stream(struct pacer *pacer, struct connection *c, int64_t now) {
    if (c->closed) {
        free_connection(c);
        return;
    }
    bool alive = put_next_event(c);
    if (alive && c->next_event < CONTENT_EVENTS) {
        enqueue(pacer, c, now);
        return;
    }
    c->streaming = false;
    alive = alive && put_next_event(c) && answer_requests(c);
    if (!alive) close_connection(c);
}

static void advance_due_streams(struct pacer *pacer) {
    if (!pacer->first) return;
    int64_t now = now_us();
    while (pacer->first && pacer->first->due_us <= now) {
        advance_stream(pacer, dequeue(pacer), now);
    }
}

// --- requests -----------------------------------------------------------------------------------

static bool contains(const char *bytes, size_t len, const char *word) {
    return memmem(bytes, len, word, strlen(word)) != NULL;
}

static bool respond(struct connection *c, const char *body, size_t len) {
    if (!contains(body, len, "\"stream\":true") && !contains(body, len, "\"stream\": true")) {
        return put(c, completion, completion_len);
    }
    if (contains(body, len, "BURST")) return put(c, burst, burst_len);
    return begin_stream(c, contains(body, len, "SLOW") ? &slow : &paced);
}

// Length of the complete request at the start of `in`, or 0; `*body` gets where its body starts.
static size_t complete_request(struct connection *c, size_t *body) {
    static const char last_chunk[] = "\r\n0\r\n\r\n";
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0; // bound the search to the head
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    const char *encoding = strcasestr(c->in, "\r\ntransfer-encoding:");
    bool chunked = encoding && strcasestr(encoding, "chunked");
    size_t body_len = length ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
    *end = '\r';
    *body = (size_t)(end - c->in) + 4;
    if (chunked) { // no pipelining, so the last chunk is the last thing in the buffer
        size_t mark = sizeof last_chunk - 1;
        bool whole = c->in_len >= *body + mark - 2 &&
                     memcmp(c->in + c->in_len - mark, last_chunk, mark) == 0;
        return whole ? c->in_len : 0;
    }
    return c->in_len >= *body + body_len ? *body + body_len : 0;
}

// Answer what has arrived in full. False when the connection is broken.
static bool answer_requests(struct connection *c) {
    while (c->in_len > 0 && !c->streaming) {
        size_t body, whole = complete_request(c, &body);
        if (whole == 0) return true;
        if (!respond(c, c->in + body, whole - body)) return false;
        memmove(c->in, c->in + whole, c->in_len - whole);
        c->in_len -= whole;
    }
    return true;
}

static bool receive(struct connection *c) {
    c->in = grow(c->in, &c->in_cap, c->in_len + READ_ROOM);
    ssize_t n = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
    if (n < 0) return errno == EAGAIN;
    if (n == 0) return false;
    c->in_len += (size_t)n;
    return answer_requests(c);
}

static void on_event(struct connection *c, uint32_t events) {
    bool alive = true;
    if (events & EPOLLOUT) alive = flush(c);
    if (alive && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) alive = receive(c);
    if (!alive) close_connection(c);
}

// --- the server ---------------------------------------------------------------------------------

static int listen_on(int port) {
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0) fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(fd, 4096) < 0) fail("listen");
    return fd;
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        if (!c) fail("calloc");
        c->fd = fd;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

// Time until the first stream is due, or NULL to wait for a socket.
static struct timespec *time_to_next(struct timespec *wait) {
    int64_t due = INT64_MAX;
    if (paced.first) due = paced.first->due_us;
    if (slow.first && slow.first->due_us < due) due = slow.first->due_us;
    if (due == INT64_MAX) return NULL;
    int64_t left = due - now_us();
    if (left < 0) left = 0;
    *wait = (struct timespec){.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
    return wait;
}

static void serve(int listener) {
    struct epoll_event events[EVENT_BATCH], event = {.events = EPOLLIN, .data.ptr = NULL};
    struct timespec wait;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_pwait2(poller, events, EVENT_BATCH, time_to_next(&wait), NULL);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c) on_event(c, events[i].events);
            else accept_all(listener);
        }
        advance_due_streams(&paced);
        advance_due_streams(&slow);
    }
}

static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 0;
    paced.interval_us = argc > 2 ? atol(argv[2]) : 5000;
    if (port <= 0 || argc > 3) {
        fputs(USAGE, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    build_completion();
    build_stream();
    poller = epoll_create1(0);
    if (poller < 0) fail("epoll_create1");
    serve(listen_on(port));
}

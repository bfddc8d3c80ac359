// load: a closed-loop HTTP/1.1 load generator on one thread (see USAGE below).
//
// Each connection sends one POST, reads the whole response, and sends the next. The body may hold
// `nonce-000000000`: its nine digits count up, so that no two requests have the same body and no
// cache keyed by the body can answer. On stderr it says "measuring" when the warm-up is over and
// "finished" at the end of the measured window, so that a caller can read the CPU clock of the
// subject at just those moments.
#define _GNU_SOURCE
#include "response.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: load --port PORT --path PATH --body FILE [options]\n"
    "\n"
    "  --port PORT          port of the subject on 127.0.0.1\n"
    "  --path PATH          request path, such as /v1/chat/completions\n"
    "  --body FILE          request body (JSON), the same for every request but for its nonce\n"
    "  --headers FILE       further request header lines, each ended with CR LF\n"
    "  --connections N      connections kept busy (default 32)\n"
    "  --seconds S          length of the measured window (default 5; 0: no limit)\n"
    "  --warmup S           time before the window that is not counted (default 1)\n"
    "  --requests N         stop after N requests in all, each waited for (default: no limit)\n"
    "  --stream             responses are event streams: count their `data:` lines\n"
    "  --expect-events N    a stream with fewer `data:` lines is short (default 51)\n"
    "\n"
    "Prints one line of JSON. Times are in microseconds; errors, non200 and short_streams are\n"
    "counted from the first request on, everything else in the measured window.\n";

enum {
    SAMPLE_LIMIT = 8000000, // latencies kept; later requests are counted but not sampled
    ERROR_LIMIT = 10000,    // give up when the subject is plainly not there
    EVENT_BATCH = 512,
    READ_SIZE = 262144,
};

struct options {
    int port;
    const char *path, *body, *headers;
    int connections;
    double seconds, warmup;
    long requests;
    bool stream;
    long expect_events;
};

struct connection {
    int fd;
    size_t sent; // bytes of the request already written
    int64_t started_us, first_byte_us;
    long finished; // requests finished in the measured window
    struct response response;
};

struct totals {
    long issued, finished, events, reads, bytes;
    long errors, non200, short_streams;
    size_t samples;
    uint32_t *latency_us, *first_byte_us;
    char first_error[200];
};

static struct options options = {
    .port = 0, .connections = 32, .seconds = 5, .warmup = 1, .requests = LONG_MAX,
    .expect_events = 51,
};
static struct totals totals;
static char *request;      // head and body, shared by all connections
static size_t request_len;
static char *nonce;        // the nine digits inside `request`, or NULL
static struct connection *connections;
static int active;         // connections still at work
static bool measuring;
static int poller;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// --- the request ------------------------------------------------------------------------------

static char *read_file(const char *name, size_t *len) {
    FILE *file = fopen(name, "rb");
    if (!file) fail(name);
    fseek(file, 0, SEEK_END);
    *len = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*len + 1);
    if (!text || fread(text, 1, *len, file) != *len) fail(name);
    text[*len] = 0;
    fclose(file);
    return text;
}

static void build_request(void) {
    size_t body_len, headers_len = 0;
    char *body = read_file(options.body, &body_len);
    char *headers = options.headers ? read_file(options.headers, &headers_len) : strdup("");
    size_t room = body_len + headers_len + strlen(options.path) + 512;
    request = malloc(room);
    if (!request) fail("request");
    request_len = (size_t)snprintf(
        request, room,
        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        "Accept: */*\r\nUser-Agent: OpenAI/Python 1.0\r\n%sContent-Length: %zu\r\n\r\n",
        options.path, options.port, headers, body_len);
    memcpy(request + request_len, body, body_len);
    request_len += body_len;
    char *found = memmem(request, request_len, "nonce-000000000", 15);
    nonce = found ? found + 6 : NULL;
    free(body);
    free(headers);
}

// The buffer is shared: a request still being written may get a later number, which does no harm.
static void stamp_nonce(void) {
    static long last;
    if (!nonce) return;
    long value = ++last;
    for (int digit = 8; digit >= 0; digit--, value /= 10) nonce[digit] = (char)('0' + value % 10);
}

// --- connections ------------------------------------------------------------------------------

static void open_connection(struct connection *c);

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static void close_connection(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static void note_error(const char *what, const char *detail) {
    if (totals.first_error[0]) return;
    snprintf(totals.first_error, sizeof totals.first_error, "%s: %.150s", what, detail);
    for (char *p = totals.first_error; *p; p++) { // keep it printable inside a JSON string
        if (*p == '"' || *p == '\\' || (unsigned char)*p < 32 || (unsigned char)*p > 126) *p = '\'';
    }
}

// The status line, and what the body ends with.
static void note_refusal(const struct response *r, const char *bytes, size_t len) {
    char status_line[48];
    size_t shown = len < 150 ? len : 150;
    snprintf(status_line, sizeof status_line, "%.*s", (int)strcspn(r->head, "\r"), r->head);
    note_error(status_line, bytes + len - shown);
}

// The request under way is lost; the connection starts anew.
static void lose_connection(struct connection *c, const char *what, const char *detail) {
    totals.errors++;
    note_error(what, detail);
    open_connection(c);
}

// Write what is left of the request; false when the connection was lost.
static bool send_rest(struct connection *c) {
    while (c->sent < request_len) {
        ssize_t n = send(c->fd, request + c->sent, request_len - c->sent, MSG_NOSIGNAL);
        if (n >= 0) {
            c->sent += (size_t)n;
        } else if (errno == EAGAIN || errno == ENOTCONN) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return true;
        } else {
            lose_connection(c, "send", strerror(errno));
            return false;
        }
    }
    return true;
}

// Begin the next request, or retire the connection when all requests have been issued.
static bool next_request(struct connection *c) {
    if (totals.issued >= options.requests) {
        close_connection(c);
        active--;
        return false;
    }
    totals.issued++;
    stamp_nonce();
    c->sent = 0;
    c->started_us = now_us();
    c->first_byte_us = 0;
    response_reset(&c->response);
    return true;
}

static void open_connection(struct connection *c) {
    close_connection(c);
    if (!next_request(c)) return;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        note_error("connect", strerror(errno)); // counted when sending fails
    }
    watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT); // sending begins when the connection is up
}

static void keep_sample(const struct connection *c, int64_t end_us) {
    if (totals.samples >= SAMPLE_LIMIT) return;
    totals.latency_us[totals.samples] = (uint32_t)(end_us - c->started_us);
    totals.first_byte_us[totals.samples] =
        c->first_byte_us ? (uint32_t)(c->first_byte_us - c->started_us) : 0;
    totals.samples++;
}

static void finish_response(struct connection *c) {
    const struct response *r = &c->response;
    if (r->status != 200) {
        totals.non200++;
    } else {
        if (options.stream && r->events < options.expect_events) totals.short_streams++;
        if (measuring) {
            keep_sample(c, now_us());
            totals.finished++;
            c->finished++;
        }
    }
    if (r->close_after) open_connection(c);
    else if (next_request(c)) send_rest(c);
}

static void take_bytes(struct connection *c, const char *bytes, size_t len) {
    struct response *r = &c->response;
    long events_before = r->events;
    size_t used = response_feed(r, bytes, len);
    if (r->body_begun && !c->first_byte_us) c->first_byte_us = now_us();
    if (measuring && options.stream) totals.events += r->events - events_before;
    if (r->status >= 300 && r->body_begun) note_refusal(r, bytes, used);
    if (r->state == RESPONSE_BROKEN) lose_connection(c, "malformed response", r->head);
    else if (used < len) lose_connection(c, "bytes after the response", bytes + used);
    else if (r->state == RESPONSE_COMPLETE) finish_response(c);
}

static void receive(struct connection *c) {
    static char buffer[READ_SIZE + 1];
    ssize_t n = recv(c->fd, buffer, READ_SIZE, 0);
    if (n < 0) {
        if (errno != EAGAIN) lose_connection(c, "receive", strerror(errno));
    } else if (n == 0) {
        if (c->response.state == IN_BODY_UNTIL_CLOSE) finish_response(c);
        else lose_connection(c, "receive", "closed before the response ended");
    } else {
        buffer[n] = 0;
        if (measuring) {
            totals.reads++;
            totals.bytes += n;
        }
        take_bytes(c, buffer, (size_t)n);
    }
}

static void on_event(struct connection *c, uint32_t events) {
    if (events & EPOLLOUT && c->sent < request_len) {
        if (!send_rest(c)) return; // what else this event says is of the old socket
        if (c->sent == request_len) watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
}

// --- the run ----------------------------------------------------------------------------------

// Streams whose response has begun and not ended.
static long count_open(void) {
    long open = 0;
    for (int i = 0; i < options.connections; i++) {
        if (connections[i].fd >= 0 && connections[i].response.state > IN_HEAD) open++;
    }
    return open;
}

static void say(const char *phase) {
    fprintf(stderr, "%s\n", phase);
    fflush(stderr);
}

// Returns the length of the measured window in seconds.
static double run(void) {
    struct epoll_event events[EVENT_BATCH];
    int64_t start = now_us(), window_start = start;
    int64_t warm = start + (int64_t)(options.warmup * 1e6);
    int64_t end = options.seconds > 0 ? warm + (int64_t)(options.seconds * 1e6) : INT64_MAX;
    active = options.connections;
    for (int i = 0; i < options.connections; i++) open_connection(&connections[i]);
    while (active > 0 && totals.errors < ERROR_LIMIT) {
        int64_t now = now_us();
        if (!measuring && now >= warm) {
            measuring = true;
            window_start = now;
            say("measuring");
        }
        if (now >= end) break;
        int64_t wait_us = (measuring ? end : warm) - now;
        int wait_ms = wait_us > 1000000 ? 1000 : (int)(wait_us / 1000) + 1;
        int n = epoll_wait(poller, events, EVENT_BATCH, wait_ms);
        for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
    }
    double elapsed_s = (double)(now_us() - window_start + 1) / 1e6; // never zero: it divides
    say("finished");
    return elapsed_s;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(const uint32_t *sorted, double fraction) {
    return totals.samples ? sorted[(size_t)((double)(totals.samples - 1) * fraction)] : 0;
}

static void print_report(double elapsed_s) {
    long least = LONG_MAX, most = 0;
    for (int i = 0; i < options.connections; i++) {
        if (connections[i].finished < least) least = connections[i].finished;
        if (connections[i].finished > most) most = connections[i].finished;
    }
    qsort(totals.latency_us, totals.samples, sizeof(uint32_t), compare);
    qsort(totals.first_byte_us, totals.samples, sizeof(uint32_t), compare);
    const uint32_t *latency = totals.latency_us, *first = totals.first_byte_us;
    printf("{\"connections\":%d,\"elapsed_s\":%.3f,\"requests\":%ld,\"rps\":%.1f,",
           options.connections, elapsed_s, totals.finished, (double)totals.finished / elapsed_s);
    printf("\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"p999_us\":%u,\"max_us\":%u,",
           percentile(latency, .5), percentile(latency, .9), percentile(latency, .99),
           percentile(latency, .999), percentile(latency, 1));
    printf("\"first_byte_p50_us\":%u,\"first_byte_p99_us\":%u,", percentile(first, .5),
           percentile(first, .99));
    printf("\"events\":%ld,\"events_per_s\":%.1f,\"reads\":%ld,\"bytes\":%ld,", totals.events,
           (double)totals.events / elapsed_s, totals.reads, totals.bytes);
    printf("\"errors\":%ld,\"non200\":%ld,\"short_streams\":%ld,\"open_streams\":%ld,",
           totals.errors, totals.non200, totals.short_streams, count_open());
    printf("\"min_per_connection\":%ld,\"max_per_connection\":%ld,\"first_error\":\"%s\"}\n", least,
           most, totals.first_error);
}

// --- options ----------------------------------------------------------------------------------

static void usage_error(void) {
    fputs(USAGE, stderr);
    exit(2);
}

static void parse_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", required_argument, 0, 'p'},        {"path", required_argument, 0, 'u'},
        {"body", required_argument, 0, 'b'},        {"headers", required_argument, 0, 'h'},
        {"connections", required_argument, 0, 'c'}, {"seconds", required_argument, 0, 's'},
        {"warmup", required_argument, 0, 'w'},      {"requests", required_argument, 0, 'n'},
        {"stream", no_argument, 0, 'e'},            {"expect-events", required_argument, 0, 'x'},
        {"help", no_argument, 0, '?'},              {0, 0, 0, 0},
    };
    int which;
    while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (which) {
        case 'p': options.port = atoi(optarg); break;
        case 'u': options.path = optarg; break;
        case 'b': options.body = optarg; break;
        case 'h': options.headers = optarg; break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'n': options.requests = atol(optarg); break;
        case 'e': options.stream = true; break;
        case 'x': options.expect_events = atol(optarg); break;
        default: usage_error();
        }
    }
    bool bounded = options.seconds > 0 || options.requests < LONG_MAX;
    bool complete = options.port > 0 && options.path && options.body;
    if (!complete || !bounded || optind != argc) usage_error();
    if (options.connections <= 0 || options.requests <= 0) usage_error();
}

static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    raise_file_limit();
    build_request();
    poller = epoll_create1(0);
    connections = calloc((size_t)options.connections, sizeof *connections);
    totals.latency_us = malloc(SAMPLE_LIMIT * sizeof(uint32_t));
    totals.first_byte_us = malloc(SAMPLE_LIMIT * sizeof(uint32_t));
    if (poller < 0 || !connections || !totals.latency_us || !totals.first_byte_us) fail("load");
    for (int i = 0; i < options.connections; i++) connections[i].fd = -1;
    print_report(run());
    return 0;
}

/**
 * @file ltx_jobs.h
 * Client library for the LTX video generation service: submit a paid job, wait for it, bring its results home.
 *
 * Written by a program from the sources of the library; C99 and C++17. The C++ layer is ltx_jobs.hpp.
 *
 * **Errors.** A function that can fail returns an ltx_status and takes a last `ltx_error **err`, which may be NULL and is always written: NULL on success,
 * else an error that the caller frees. Out-parameters are NULL or 0 on failure. There is no last error of a thread.
 *
 * **Two nouns.** An ltx_job is the remote job; an ltx_op is work of this library in progress (a submit, a wait, a download). Starting one never blocks.
 *
 * **Threads.** Functions on ltx_client, ltx_job, ltx_op and ltx_frame_stream may be called from any thread at the same time. ltx_config and ltx_request are
 * for one thread at a time. ltx_error, ltx_estimate, ltx_result, ltx_saved, ltx_frames, ltx_buffer, ltx_submits, ltx_recovered and ltx_checked are immutable.
 * Never call from signal handlers, DllMain, atexit or destructors of static objects.
 *
 * **Blocking.** Only ltx_op_wait(), ltx_op_wait_until(), ltx_ops_wait_any(), ltx_frame_stream_next(), ltx_client_dispatch(), ltx_client_close(), the last
 * ltx_client_release() and ltx_log_set() block. No socket is read or written on the caller's thread.
 *
 * **Callbacks.** They run inside ltx_client_dispatch() only, on the thread that calls it. Progress comes at most ten times a second, completion once and
 * last, then `destroy` once, also when the operation never began or the client was closed first. When ltx_client_close() or the last ltx_client_release()
 * has returned, none runs and none will. See ltx_callbacks.
 *
 * **Memory.** What this library gives, this library frees; a text belongs to the object it came from. NULL may be freed and released. NULL, or a handle of
 * another type, is answered with LTX_INVALID_ARGUMENT, or with NULL or 0 by functions that give a value.
 *
 * **Text** is UTF-8 and ends with a NUL; paths are UTF-8 too, and on POSIX any bytes. **Times** are milliseconds: 0 only looks, negative has no limit.
 * **Enumerations** come in as int32_t and are checked. **Structs** begin with their size, which the caller sets, and only grow.
 *
 * **The process.** The library installs no signal handler, changes no mask, handler or locale of the host, prints nothing, and registers nothing for the end
 * of the process. Its threads are named `ltx-io`, `ltx-tick` and `ltx-log` and have all asynchronous signals blocked. ltx_client_new() reads the environment.
 * Its code stays in memory once a client was made, also after dlclose(); loading it again is fine, as often as wanted. Its log is off; see ltx_log_set().
 *
 * **Fork.** In a child whose parent had used a client, everything of that client answers LTX_FORKED, and releasing it does nothing. The child makes a new one.
 *
 * **Exit.** Ending the process without closing is fine; threads just end, and jobs go on at the service.
 */

#ifndef LTX_JOBS_H
#define LTX_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && !defined(LTX_JOBS_STATIC)
#define LTX_API __declspec(dllimport)
#elif defined(__GNUC__) || defined(__clang__)
#define LTX_API __attribute__((visibility("default")))
#else
#define LTX_API
#endif

/** The version of this header; ltx_version() tells that of the library. */
#define LTX_VERSION_MAJOR 0
#define LTX_VERSION_MINOR 1
#define LTX_VERSION_PATCH 0
#define LTX_VERSION "0.1.0"
/** major << 24 | minor << 16 | patch << 8, for comparison by the preprocessor and with ltx_version_number(). */
#define LTX_VERSION_NUMBER 0x00010000
/** To be compared with ltx_abi_version(). */
#define LTX_ABI_VERSION 0

/** Values of ltx_status. */
enum {
  /** Success. */
  LTX_OK = 0,
  /** It still runs; no error. */
  LTX_PENDING = 1,
  /** The predicate said stop; no error. */
  LTX_STOPPED = 2,
  /** Nothing more comes; no error. */
  LTX_END = 3,
  /** A setting is missing or wrong. */
  LTX_CONFIG = 100,
  /** The request can never be right (refused here), or the service answered 400. */
  LTX_INVALID_REQUEST = 101,
  /** The request or an input is larger than the service takes. */
  LTX_REQUEST_TOO_LARGE = 102,
  /** The safety filter refused the input or the result. */
  LTX_CONTENT_FILTERED = 103,
  /** An argument was NULL, of the wrong handle, or out of range (C interface). */
  LTX_INVALID_ARGUMENT = 104,
  /** The call does not fit the state of the object, for example a result that was taken already. */
  LTX_INVALID_STATE = 105,
  /** The call would wait for itself (C interface, from inside a callback). */
  LTX_WOULD_DEADLOCK = 106,
  /** Not supported by this build or platform, or by the data found. */
  LTX_UNSUPPORTED = 107,
  /** The API key is missing or not accepted. */
  LTX_UNAUTHENTICATED = 110,
  /** The account has not enough credits. */
  LTX_INSUFFICIENT_FUNDS = 111,
  /** The account may not use this endpoint. */
  LTX_PERMISSION_DENIED = 112,
  /** Too many requests, or too many queued jobs. */
  LTX_RATE_LIMITED = 113,
  /** Too many jobs at once for this account. */
  LTX_CONCURRENCY_LIMITED = 114,
  /** The estimated cost is above the limit set here, or no estimate could be made for it. */
  LTX_COST_LIMIT = 115,
  /** The service reported an internal error. */
  LTX_SERVER = 120,
  /** The service reported that it is unavailable. */
  LTX_UNAVAILABLE = 121,
  /** The service reported that it is overloaded. */
  LTX_OVERLOADED = 122,
  /** Something between here and the service answered in its place. */
  LTX_GATEWAY = 123,
  /** The answer is not what the service documents. */
  LTX_PROTOCOL = 124,
  /** The host name could not be resolved. */
  LTX_DNS = 130,
  /** No connection could be made. */
  LTX_CONNECT = 131,
  /** The TLS handshake failed. */
  LTX_TLS = 132,
  /** The proxy refused the connection. */
  LTX_PROXY = 133,
  /** One request took longer than its limit. */
  LTX_REQUEST_TIMEOUT = 134,
  /** A transfer stopped moving. */
  LTX_STALLED = 135,
  /** The connection broke. */
  LTX_CONNECTION_LOST = 136,
  /** The outcome of a submit is unknown: a job may exist and be billed. It is never sent again by itself. */
  LTX_SUBMIT_UNKNOWN = 140,
  /** The service accepted the job, but its answer with the id was lost. */
  LTX_ID_LOST = 141,
  /** The service gave the job up, for a cause not known to this library. */
  LTX_JOB_FAILED = 142,
  /** The service does not know this job under this endpoint. */
  LTX_NOT_FOUND = 143,
  /** The job existed; its record is past the service's retention. */
  LTX_EXPIRED = 144,
  /** The time limit of a wait is over. The job goes on. */
  LTX_WAIT_TIMEOUT = 145,
  /** The URL of the result is no longer valid and could not be renewed. */
  LTX_RESULT_EXPIRED = 150,
  /** The file on the storage changed during the transfer. */
  LTX_OBJECT_CHANGED = 151,
  /** What arrived does not have the checksum or length it must have. */
  LTX_INTEGRITY = 152,
  /** The archive is damaged or not usable. */
  LTX_ARCHIVE = 153,
  /** A name in the archive or of an output would leave the target directory or is not safe on every system. */
  LTX_UNSAFE_NAME = 154,
  /** The archive is beyond the limits set for members, sizes or ratio. */
  LTX_LIMIT_EXCEEDED = 155,
  /** A local file or directory could not be read or written. */
  LTX_IO = 160,
  /** The disk is full. */
  LTX_NO_SPACE = 161,
  /** A different file is there already. */
  LTX_EXISTS = 162,
  /** Another owner is writing the same file. */
  LTX_LOCKED = 163,
  /** The journal could not be read or written. */
  LTX_JOURNAL = 164,
  /** The client was closed. */
  LTX_CLOSED = 170,
  /** The caller cancelled. */
  LTX_CANCELLED = 171,
  /** The object belongs to the parent of this forked process. */
  LTX_FORKED = 172,
  /** A defect of this library. */
  LTX_INTERNAL = 173
};

/** What an error means for the bill. */
enum {
  /** No job was created by this call. */
  LTX_BILLING_NO_JOB = 0,
  /** A job exists and is billed if it succeeds. */
  LTX_BILLING_JOB_EXISTS = 1,
  /** The job ended without success and is not billed. */
  LTX_BILLING_NOT_BILLED = 2,
  /** Nobody can tell whether a job exists. */
  LTX_BILLING_UNKNOWN = 3
};

/** The status of a job. */
enum {
  /** The service was not asked yet. */
  LTX_STATE_UNKNOWN = 0,
  /** Queued. */
  LTX_STATE_PENDING = 1,
  /** Running. */
  LTX_STATE_PROCESSING = 2,
  /** Done; its outputs can be fetched. */
  LTX_STATE_COMPLETED = 3,
  /** Given up by the service, and not billed. */
  LTX_STATE_FAILED = 4,
  /** A word this version does not know; the job goes on. */
  LTX_STATE_OTHER = 5
};

/** What became of a submit; -1 for something this version does not know. */
enum {
  /** It is on its way, in a process that lives. */
  LTX_FATE_SUBMITTING = 0,
  /** The service holds the job. */
  LTX_FATE_ACCEPTED = 1,
  /** No job was created. */
  LTX_FATE_REFUSED = 2,
  /** Nobody can tell: a job may exist and be billed. */
  LTX_FATE_UNKNOWN = 3,
  /** The job failed and was not billed. */
  LTX_FATE_ENDED_UNBILLED = 4,
  /** A job exists and is billed if it succeeds, but its id did not arrive. */
  LTX_FATE_ID_LOST = 5
};

/** What an operation is doing; -1 for something this version does not know. */
enum {
  /** Checking arguments, looking at local files. */
  LTX_PHASE_PREPARING = 0,
  /** Sending an input to the storage. */
  LTX_PHASE_UPLOADING = 1,
  /** The paid request, or waiting for its next try. */
  LTX_PHASE_SUBMITTING = 2,
  /** The job is on the service. */
  LTX_PHASE_WAITING = 3,
  /** Fetching results. */
  LTX_PHASE_DOWNLOADING = 4,
  /** A submit waits for a free place: max_concurrent_jobs, or the service's own limit. Between uploading and submitting. */
  LTX_PHASE_QUEUED = 5
};

/** What to do when the outcome of a submit is unknown. */
enum {
  /** Stop with LTX_SUBMIT_UNKNOWN; never send it again. */
  LTX_ON_UNKNOWN_STOP = 0,
  /** Send it again. May create, and bill, the job twice. */
  LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE = 1
};

/** How a part was found by ltx_client_check(); -1 for something this version does not know. */
enum {
  /** As it should be. */
  LTX_FOUND_OK = 0,
  /** It works, but should be looked at. */
  LTX_FOUND_WARNING = 1,
  /** It does not work. */
  LTX_FOUND_FAILED = 2,
  /** Nobody can tell, because something before it failed. */
  LTX_FOUND_SKIPPED = 3
};

/** How much a line of the log matters; see ltx_log_set(). */
enum {
  /** Nothing. */
  LTX_LOG_OFF = 0,
  /** Something is lost or wrong. */
  LTX_LOG_ERROR = 1,
  /** Somebody should look at it. */
  LTX_LOG_WARN = 2,
  /** What happened. */
  LTX_LOG_INFO = 3,
  /** How it happened. */
  LTX_LOG_DEBUG = 4,
  /** Everything, also what the HTTP and TLS libraries inside say. */
  LTX_LOG_TRACE = 5
};

/** What becomes of an archive of EXR frames. */
enum {
  /** The frames are saved, each as a file. */
  LTX_ARCHIVE_UNPACK = 0,
  /** The archive is saved as one file. */
  LTX_ARCHIVE_KEEP = 1,
  /** The archive is saved, and its frames too. */
  LTX_ARCHIVE_BOTH = 2
};

/** What must be proven about a file before it gets its name. */
enum {
  /** Every checksum the storage offers, and the length. */
  LTX_VERIFY_WHEN_OFFERED = 0,
  /** As before, and a file without a checksum is refused. */
  LTX_VERIFY_REQUIRE = 1,
  /** The length; frames are checked nevertheless. */
  LTX_VERIFY_OFF = 2
};

/** Room for any amount of US dollars as text, with its NUL. */
#define LTX_USD_SIZE 32

/** An ltx_callbacks without functions, to begin with. */
#define LTX_CALLBACKS_INIT {sizeof(ltx_callbacks), NULL, NULL, NULL, NULL}

/**
 * Bytes in memory: one frame, an EXR file, whole and checked. Immutable, may be used from any thread; freed once with ltx_buffer_free(). Depends on nothing:
 * list, stream and client may be gone.
 */
typedef struct ltx_buffer ltx_buffer;

/**
 * What a check found. Immutable, may be used from any thread; freed once with ltx_checked_free(). Texts live as long as it does, and show no key and no
 * password of a proxy.
 */
typedef struct ltx_checked ltx_checked;

/**
 * A client of the service. All functions on it may be called from any thread at the same time. Counted: ltx_client_ref(), ltx_client_release().
 *
 * Making one opens no socket and starts no thread; the first operation does.
 */
typedef struct ltx_client ltx_client;

/**
 * Settings of a client. For one thread at a time; a client takes a copy.
 */
typedef struct ltx_config ltx_config;

/**
 * What went wrong. Immutable, may be read from any thread; freed once with ltx_error_free().
 *
 * Texts it gives out live as long as the error. It contains no API key and no query of a signed URL.
 */
typedef struct ltx_error ltx_error;

/**
 * What a job will cost, as far as price lists tell; the service's own bill is what counts. Immutable, may be used from any thread; freed once with
 * ltx_estimate_free().
 */
typedef struct ltx_estimate ltx_estimate;

/**
 * Frames that come into memory one after the other, in order, while the archive is still arriving. All functions on it may be called from any thread at the
 * same time. Counted: ltx_frame_stream_ref(), ltx_frame_stream_release(). The last release ends the fetching; frames that were taken stay.
 */
typedef struct ltx_frame_stream ltx_frame_stream;

/**
 * The EXR frames of a result as a list, in the order of their numbers; an index is a place in it, from 0 on. Immutable, may be used from any thread; freed
 * once with ltx_frames_free(). Texts live as long as the list.
 *
 * It holds names and sizes, and no frame. URLs that expire while it is held are renewed, as long as the service keeps the job. Nothing about it is billed.
 */
typedef struct ltx_frames ltx_frames;

/**
 * A job on the service. All functions on it may be called from any thread at the same time. Counted: ltx_job_ref(), ltx_job_release().
 *
 * Releasing it changes nothing on the service: the job goes on there and is billed if it succeeds. It must not be used for long after its client was
 * released: everything then answers LTX_CLOSED.
 */
typedef struct ltx_job ltx_job;

/**
 * Work of this library in progress. All functions on it may be called from any thread at the same time. Counted: ltx_op_ref(), ltx_op_release().
 *
 * Releasing it neither ends nor cancels the work.
 */
typedef struct ltx_op ltx_op;

/**
 * What an earlier run left behind. Immutable, may be used from any thread; freed once with ltx_recovered_free().
 */
typedef struct ltx_recovered ltx_recovered;

/**
 * A request to any endpoint of the service. Fields have the service's own names, also those this library does not know. For one thread at a time; a
 * submit takes a copy, so it can be used again.
 */
typedef struct ltx_request ltx_request;

/**
 * The outputs of a completed job. Immutable, may be used from any thread; freed once with ltx_result_free(). Texts live as long as the result.
 */
typedef struct ltx_result ltx_result;

/**
 * The files a download left, also those that were there already. Immutable, may be used from any thread; freed once with ltx_saved_free().
 */
typedef struct ltx_saved ltx_saved;

/**
 * Submits in the journal, oldest first. Immutable, may be used from any thread. Texts live as long as the list.
 */
typedef struct ltx_submits ltx_submits;

/**
 * What a function came to: `LTX_OK`, `LTX_PENDING`, `LTX_STOPPED`, `LTX_END`, or the number of an error (`LTX_CONFIG` and on).
 *
 * The numbers are the same in every language and never get another meaning. Later versions may add numbers.
 */
typedef int32_t ltx_status;

/**
 * How far an operation is. Set `size` to `sizeof(ltx_op_info)` before the call. Numbers never go backwards within a phase.
 */
typedef struct ltx_op_info {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * `LTX_PENDING` while it runs, `LTX_OK` after success, else the error's status.
   */
  ltx_status outcome;
  /**
   * What is being done: `LTX_PHASE_PREPARING` and so on.
   */
  int32_t phase;
  /**
   * Bytes moved in this phase.
   */
  int64_t bytes_done;
  /**
   * Bytes to move in this phase; -1 when not known.
   */
  int64_t bytes_total;
  /**
   * Frames whole and checked: on disk, or in memory where they are read into it.
   */
  int64_t frames_done;
  /**
   * Frames to come; -1 when not known.
   */
  int64_t frames_total;
  /**
   * Milliseconds since the operation began.
   */
  int64_t elapsed_ms;
  /**
   * How long the service has not been reachable; -1 when it is.
   */
  int64_t unreachable_ms;
  /**
   * The job's status while waiting, as in ltx_job_info.
   */
  int32_t job_status;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
  /**
   * The service's own word for that status.
   */
  char status_word[80];
  /**
   * Who else is fetching the file that this operation waits for (process and host); empty when none is.
   */
  char waiting_for[160];
} ltx_op_info;

/**
 * Functions of the host for one operation, given to the call that starts it and copied there. Begin with `LTX_CALLBACKS_INIT`; any of them may be NULL.
 *
 * `on_progress` and `on_complete` run inside ltx_client_dispatch() only, on the thread that calls it; of one operation never two at a time. `op` is valid
 * during the call, also when the host released it. They must neither throw nor jump out. Inside them nothing may wait: a wait for an operation that still
 * runs, ltx_client_close() and ltx_client_dispatch() answer LTX_WOULD_DEADLOCK. Everything else may be called.
 */
typedef struct ltx_callbacks {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * How far it is: when something changed, at most ten times a second, and about once a second when nothing did; what lies between is skipped. None
   * when the operation is quicker than that. Not 0 cancels the operation, and then it is not called again.
   */
  int32_t (*on_progress)(void *user_data, ltx_op *op, const ltx_op_info *info);
  /**
   * The operation has ended: once, and the last call but `destroy`. ltx_op_wait() then gives the error without waiting, and ltx_op_take_job() and the
   * like what was made. Left out when the client is closed before it was delivered.
   */
  void (*on_complete)(void *user_data, ltx_op *op, ltx_status outcome);
  /**
   * Handed to each of them as it is.
   */
  void *user_data;
  /**
   * Frees `user_data`: exactly once and after everything else, also when the call that got the struct fails (then before it returns), and when the
   * client is closed or released first (then before that returns). On a thread of the host. Only a struct whose `size` is wrong is left alone.
   */
  void (*destroy)(void *user_data);
} ltx_callbacks;

/**
 * What a client has done since it was made, at one moment. Set `size` to `sizeof(ltx_counters)` before the call.
 *
 * Every number but `committed` only grows, and counts what this client did in this process. Numbers that belong together may be apart by what is happening
 * just now. When nothing runs, `submits` is `submits_known` + `submits_refused` + `submits_unknown` + `jobs_created`.
 */
typedef struct ltx_counters {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * Submits that were begun.
   */
  uint64_t submits;
  /**
   * Submits that the journal answered under their `once` key, with the job or the unknown outcome of an earlier one. Nothing was sent.
   */
  uint64_t submits_known;
  /**
   * Submits that ended with proof that there is no job: refused here or by the service, or withdrawn before they were sent.
   */
  uint64_t submits_refused;
  /**
   * Submits whose job may exist, or does, and is not known by its id: `LTX_SUBMIT_UNKNOWN` and `LTX_ID_LOST`.
   */
  uint64_t submits_unknown;
  /**
   * Paid requests whose body was given to a connection. One submit may take several: each after the proof that the one before made no job, or because the
   * caller accepts a double charge.
   */
  uint64_t posts;
  /**
   * Jobs that were created by this client's submits, by the service's own answer.
   */
  uint64_t jobs_created;
  /**
   * Jobs seen to be completed, those of before included that this client waited for.
   */
  uint64_t jobs_completed;
  /**
   * Jobs seen to end without a result: failed, or gone.
   */
  uint64_t jobs_failed;
  /**
   * Questions about a job, of waits and polls, and for new addresses of its outputs. Each is one request.
   */
  uint64_t polls;
  /**
   * Requests on all connections: to the service and to its storage.
   */
  uint64_t http_requests;
  /**
   * Attempts of submits after their first.
   */
  uint64_t submit_retries;
  /**
   * Polls, and requests for an upload slot, that were sent because the one before failed.
   */
  uint64_t api_retries;
  /**
   * Requests to the storage that were sent because the one before failed or broke off.
   */
  uint64_t storage_retries;
  /**
   * Downloads that went on with what an earlier call had left.
   */
  uint64_t transfers_resumed;
  /**
   * Transfers that were begun anew because what came was damaged or had changed, and frames that were fetched again for that.
   */
  uint64_t transfers_restarted;
  /**
   * Bytes of outputs that arrived, also those that were thrown away or fetched twice.
   */
  uint64_t bytes_downloaded;
  /**
   * Bytes of inputs that were given to a connection, also in uploads that were repeated.
   */
  uint64_t bytes_uploaded;
  /**
   * Bytes that stores of the caller took: always 0 here, as there is no function for it.
   */
  uint64_t bytes_rehosted;
  /**
   * What ltx_client_committed() gives: US dollars as a decimal. The one number that can fall, when a job fails without a bill.
   */
  char committed[32];
} ltx_counters;

/**
 * What is known of a job, from memory. Set `size` to `sizeof(ltx_job_info)` before the call. Times are milliseconds since 1970, -1 when not known.
 */
typedef struct ltx_job_info {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * `LTX_STATE_UNKNOWN` before the service was asked, `LTX_STATE_PENDING` and so on; `LTX_STATE_OTHER` for a word this version does not know.
   */
  int32_t status;
  /**
   * 1 when the job is over and nothing more will be learned, else 0.
   */
  int32_t ended;
  /**
   * When the service accepted it, by the service's clock.
   */
  int64_t created_at_ms;
  /**
   * When the service last answered, by this machine's clock.
   */
  int64_t last_contact_ms;
  /**
   * Since when the service cannot be reached; -1 when it can.
   */
  int64_t unreachable_since_ms;
  /**
   * What the last poll met if it was not the service's answer; `LTX_OK` otherwise.
   */
  ltx_status last_error;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
  /**
   * The service's own word for the status; empty before it was asked.
   */
  char status_word[80];
} ltx_job_info;

/**
 * Decides on the calling thread whether to wait on: 0 goes on, anything else stops. Must neither throw nor jump out.
 */
typedef int32_t (*ltx_predicate)(void *user_data);

/**
 * How a result is saved. All zero is the default; set `size` to `sizeof(ltx_download_options)`.
 */
typedef struct ltx_download_options {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * Labels of the outputs to save (`"exr_frames_url"`, or without `_url`); NULL saves all.
   */
  const char *const *only;
  /**
   * How many labels there are.
   */
  size_t only_count;
  /**
   * What becomes of an archive of EXR frames: `LTX_ARCHIVE_UNPACK`, `LTX_ARCHIVE_KEEP` or `LTX_ARCHIVE_BOTH`.
   */
  int32_t archive;
  /**
   * What must be proven about a file: `LTX_VERIFY_WHEN_OFFERED`, `LTX_VERIFY_REQUIRE` or `LTX_VERIFY_OFF`.
   */
  int32_t verify;
  /**
   * Not 0: replace different files that are there; otherwise they are LTX_EXISTS. Equal ones count as saved.
   */
  int32_t overwrite;
  /**
   * Not 0: `first_frame` counts.
   */
  int32_t has_first_frame;
  /**
   * The number of the first frame; otherwise the archive's own numbers are kept.
   */
  int64_t first_frame;
  /**
   * Names for frames, for example `"sh010.{frame:04}.exr"`; NULL keeps the archive's names.
   */
  const char *frame_name;
  /**
   * Connections for one file, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8.
   */
  int32_t connections;
  /**
   * Not 0: neither goes on with what an interrupted download left beside its target, nor leaves such for the next.
   */
  int32_t no_resume;
  /**
   * Bytes per second, for all connections of this download together; 0 has no limit.
   */
  uint64_t bandwidth;
  /**
   * Not 0: `lock_timeout_ms` counts; otherwise a file that somebody else is fetching to the same place is waited for without limit.
   */
  int32_t has_lock_timeout;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
  /**
   * How long to wait for such a file, which counts as saved when the other one is done: milliseconds, 0 does not wait, negative has no limit. Then the
   * download ends with LTX_LOCKED, which names process and host of the other one.
   */
  int64_t lock_timeout_ms;
} ltx_download_options;

/**
 * How the frames of a result are opened. All zero is the default; set `size` to `sizeof(ltx_frames_options)`.
 */
typedef struct ltx_frames_options {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * The output to open (`"exr_frames_url"`, or without `_url`); NULL is the one that looks like an archive of frames.
   */
  const char *label;
  /**
   * A directory for the archive, should the storage answer no ranges: it is then fetched whole, up to 4 GB and more, into a temporary file there, which goes
   * with the list and what is done with it. NULL: such a storage is LTX_UNSUPPORTED, so that no disk is filled that was not named. UTF-8; on POSIX any
   * bytes.
   */
  const char *spool;
  /**
   * Bytes per second, felt where the archive is fetched whole; 0 has no limit.
   */
  uint64_t bandwidth;
} ltx_frames_options;

/**
 * How frames are saved. All zero is the default; set `size` to `sizeof(ltx_extract_options)`.
 */
typedef struct ltx_extract_options {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * The index of the first frame to save.
   */
  size_t from;
  /**
   * How many to save; 0 is all from there on. Names and numbers of frames are those they have among all.
   */
  size_t count;
  /**
   * Names for frames, for example `"sh010.{frame:04}.exr"`; NULL keeps the archive's names.
   */
  const char *frame_name;
  /**
   * The number of the archive's first frame in these names; otherwise the archive's own numbers are kept.
   */
  int64_t first_frame;
  /**
   * Not 0: `first_frame` counts.
   */
  int32_t has_first_frame;
  /**
   * Not 0: replace different files that are there; otherwise they are LTX_EXISTS. Equal ones count as saved.
   */
  int32_t overwrite;
  /**
   * Bytes per second, for all connections together; 0 has no limit.
   */
  uint64_t bandwidth;
  /**
   * Connections, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8.
   */
  int32_t connections;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
} ltx_extract_options;

/**
 * How frames are streamed. All zero is the default; set `size` to `sizeof(ltx_stream_options)`.
 */
typedef struct ltx_stream_options {
  /**
   * Set by the caller: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * The index of the first frame.
   */
  size_t from;
  /**
   * How many; 0 is all from there on.
   */
  size_t count;
  /**
   * Bytes of frames that may wait to be taken, or be on their way, at the same time; a larger frame comes alone. 0 is 24 MiB. Frames that were taken do not
   * count.
   */
  uint64_t budget;
  /**
   * Bytes per second, for all connections together; 0 has no limit.
   */
  uint64_t bandwidth;
  /**
   * Connections, 1 to 64; 0 is the client's setting `connections`: as many as are found to help, at most 8. The budget may allow fewer.
   */
  int32_t connections;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
} ltx_stream_options;

/**
 * One line of the log. It and its texts live until the function returns.
 */
typedef struct ltx_log_record {
  /**
   * Set by the library: the bytes of the struct as it knows it.
   */
  size_t size;
  /**
   * How much it matters: `LTX_LOG_ERROR` to `LTX_LOG_TRACE`.
   */
  int32_t level;
  /**
   * Always 0 in this version.
   */
  int32_t reserved;
  /**
   * When, by this machine's clock: milliseconds since 1970.
   */
  int64_t time_ms;
  /**
   * Lines that were dropped just before this one, because the function was slower than the log.
   */
  uint64_t lost;
  /**
   * Who speaks: `ltx_jobs::submit`, `ltx_jobs::poll`, `ltx_jobs::transfer`, or a part of the library.
   */
  const char *target;
  /**
   * The sentence.
   */
  const char *message;
  /**
   * Its values, and those of the operations it happened in: `job=video-to-video-hdr/x label="shot 10"`; empty when there are none.
   */
  const char *fields;
  /**
   * The operations it happened in, outer ones first: `submit:upload`; empty when there is none.
   */
  const char *spans;
} ltx_log_record;

/**
 * Takes a line of the log; see ltx_log_set().
 */
typedef void (*ltx_log_function)(void *user_data, const ltx_log_record *record);

/**
 * Frees what a function of the host was given.
 */
typedef void (*ltx_destroy_function)(void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The name of a status: `"Ok"`, `"Pending"`, `"Stopped"`, `"End"`, or the kind of error as every language of this library writes it (`"WaitTimeout"`).
 *
 * @return a text that is never freed; `"Unknown"` for a number this version does not know
 */
LTX_API const char *ltx_status_name(ltx_status status);

/**
 * The version of the library that is loaded, as in `LTX_VERSION`. The text is never freed.
 */
LTX_API const char *ltx_version(void);

/**
 * The version of the library that is loaded as a number, as in `LTX_VERSION_NUMBER`.
 */
LTX_API uint32_t ltx_version_number(void);

/**
 * The version of the binary interface; a program compiled against `LTX_ABI_VERSION` runs with a library that says the same.
 */
LTX_API uint32_t ltx_abi_version(void);

/**
 * One line about this build, for logs and reports: version, crypto provider, profile, processor. The text is never freed.
 */
LTX_API const char *ltx_build_info(void);

/**
 * The status it was returned with. `LTX_OK` for NULL.
 */
LTX_API ltx_status ltx_error_status(const ltx_error *error);

/**
 * One line for people: what happened, what it means for the bill, what to do next. Empty for NULL, never NULL.
 */
LTX_API const char *ltx_error_message(const ltx_error *error);

/**
 * What it means for the bill: `LTX_BILLING_NO_JOB` and so on.
 */
LTX_API int32_t ltx_error_billing(const ltx_error *error);

/**
 * The word for a billing number: `"no_job"`, `"job_exists"`, `"not_billed"`, `"unknown"`; the last also for any other number. Never freed.
 */
LTX_API const char *ltx_billing_name(int32_t billing);

/**
 * The job, or the intent of the submit (`intent:...`), that it is about; NULL when there is none. ltx_client_job() takes it.
 */
LTX_API const char *ltx_error_job_ref(const ltx_error *error);

/**
 * The service's request id, which its support asks for; NULL when no answer had one.
 */
LTX_API const char *ltx_error_request_id(const ltx_error *error);

/**
 * The HTTP status of the answer; 0 when none arrived.
 */
LTX_API int32_t ltx_error_http_status(const ltx_error *error);

/**
 * The `type` of the service's own error, word for word; NULL when it gave none.
 */
LTX_API const char *ltx_error_api_type(const ltx_error *error);

/**
 * The `message` of the service's own error, word for word but for the queries of addresses in it; NULL when it gave none.
 */
LTX_API const char *ltx_error_api_message(const ltx_error *error);

/**
 * Whether calling the same function again is safe, cannot cost more, and may help. False for a failed job and for every unknown outcome.
 */
LTX_API bool ltx_error_is_retryable(const ltx_error *error);

/**
 * Whether the job it is about has ended on the service.
 */
LTX_API bool ltx_error_job_ended(const ltx_error *error);

/**
 * How long the service asks to wait before the next try, in milliseconds; -1 when it asked for nothing.
 */
LTX_API int64_t ltx_error_retry_after_ms(const ltx_error *error);

/**
 * A copy, to be freed on its own; NULL for NULL.
 */
LTX_API ltx_error *ltx_error_clone(const ltx_error *error);

/**
 * Frees an error. NULL is fine.
 */
LTX_API void ltx_error_free(ltx_error *error);

/**
 * New settings, all at their defaults. Freed with ltx_config_free().
 */
LTX_API ltx_config *ltx_config_new(void);

/**
 * Sets one setting from its text.
 *
 * Keys: `api_key`, `base_url`, `journal` (a directory, `memory` or `off`; the user's directory for state when not set, and `memory` for an address of this
 * machine), `poll_interval`, `backoff_base`, `backoff_cap`, `connect_timeout`, `submit_timeout`,
 * `poll_timeout`, `stall_timeout`, `connections` (of one download: `auto`, or 1 to 64), `proxy`, `ca_bundle`, `allow_http`, `worker_threads`,
 * `user_agent_suffix`. Durations are seconds (`5`) or have a unit (`20ms`, `2m`).
 *
 * Limits, all of which are `none` when not set: `max_concurrent_jobs` (so many jobs at once, counted over all clients of one key in this process; further
 * submits wait for a place in the order they came, see `LTX_PHASE_QUEUED`), `spend_limit` (US dollars as a decimal; a submit whose estimate goes beyond it,
 * or for which there is none, ends with LTX_COST_LIMIT before it is sent). `prices` is a file of prices to estimate by, in place of the vendor's lists.
 *
 * @return LTX_OK, or LTX_CONFIG for a key that does not exist (the message names the nearest) or a value that cannot be used
 */
LTX_API ltx_status ltx_config_set(ltx_config *config, const char *key, const char *value, ltx_error **err);

/**
 * Frees settings. NULL is fine. Clients made of them go on.
 */
LTX_API void ltx_config_free(ltx_config *config);

/**
 * Makes a client. Settings that are not in `config` are taken from the environment (`LTXV_API_KEY` or `LTX_API_KEY`, and `LTX_` plus the name of a
 * setting in capitals), else they have their defaults.
 *
 * @param config  may be NULL: the environment only; copied, and may be freed afterwards
 * @param client  receives the client; released with ltx_client_release()
 * @param err     may be NULL; receives the error on failure, else NULL; the caller frees it with ltx_error_free()
 * @return LTX_OK, or LTX_CONFIG when a value cannot be used or there is no key
 */
LTX_API ltx_status ltx_client_new(const ltx_config *config, ltx_client **client, ltx_error **err);

/**
 * One more owner of the client: gives back `client`, or NULL when it is no client. Each owner releases once.
 */
LTX_API ltx_client *ltx_client_ref(ltx_client *client);

/**
 * Uses another API key from now on, also for jobs whose polling stopped because the old one was refused. Never blocks.
 */
LTX_API ltx_status ltx_client_set_api_key(ltx_client *client, const char *key, ltx_error **err);

/**
 * Starts a look at everything a submit needs, for nothing: proxy, certificates, address, key, clock, journal and storage. Never blocks.
 *
 * The operation ends with success, or with what keeps jobs from being submitted or waited for. ltx_op_take_checked() gives all that was found, also when it
 * ended with such an error.
 *
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; released with ltx_op_release()
 */
LTX_API ltx_status ltx_client_check(ltx_client *client, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Submits a request. **Billed** if the job succeeds. Never blocks.
 *
 * The request is sent again only with proof that no job exists. When nobody can tell, the operation ends with LTX_SUBMIT_UNKNOWN and nothing is resent.
 * The operation has a reference at once (ltx_op_ref_string(), `intent:...`): saved in a project, it finds the job again. ltx_op_take_job() gives the job.
 *
 * @param request    copied: it may be freed or changed afterwards
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; releasing it does not cancel the submit
 */
LTX_API ltx_status ltx_client_submit(ltx_client *client, const ltx_request *request, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * A job by its reference (`endpoint/id`, or `intent:...` of a submit). Asks nobody. A job and an intent of this client come from memory; an intent
 * of another client, or one whose outcome is unknown, is looked up in the journal's files, on this thread.
 *
 * @param job  receives the job; released with ltx_job_release()
 * @return LTX_OK; LTX_INVALID_REQUEST for a text that is no reference; for an intent also LTX_INVALID_STATE while it is on its way,
 * LTX_SUBMIT_UNKNOWN, LTX_ID_LOST, LTX_NOT_FOUND
 */
LTX_API ltx_status ltx_client_job(ltx_client *client, const char *reference, ltx_job **job, ltx_error **err);

/**
 * Uploads a local file apart from a submit; costs nothing. Never blocks. ltx_op_take_uri() gives the `ltx://uploads/...` address, which lives for 24 h
 * and goes into a request with ltx_request_set_media_url().
 *
 * @param path       UTF-8; on POSIX any bytes
 * @param callbacks  may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_client_upload(ltx_client *client, const char *path, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Closes the client: every wait and transfer ends at once with LTX_CLOSED, a paid request on the wire gets `grace_ms` to finish, and all threads of the
 * client are joined. Jobs go on at the service. Blocks for that long at most, and a moment for the threads. As often as wanted, from any host thread.
 *
 * Waits for callbacks that are running, and calls no others: those that were not delivered are destroyed. When it returns none runs and none will.
 * LTX_WOULD_DEADLOCK inside a callback.
 *
 * @param grace_ms  milliseconds; negative waits without limit
 * @return LTX_OK when every thread is joined; LTX_PENDING when some hang in the operating system (a name resolution cannot be interrupted) and were left
 * behind: the client is closed all the same, and they touch nothing of the host's
 */
LTX_API ltx_status ltx_client_close(ltx_client *client, int64_t grace_ms, ltx_error **err);

/**
 * One owner less. The last one closes the client as ltx_client_close() does with five seconds of grace, and frees it; operations and jobs that are still
 * held then answer LTX_CLOSED. NULL is fine. Inside a callback it closes when ltx_client_dispatch() returns. In a forked child it returns at once and frees nothing.
 */
LTX_API
void ltx_client_release(ltx_client *client);

/**
 * Runs callbacks of the client's operations on the calling thread, and only here: waits for the first one that is due, then runs what is due, and returns.
 * From any host thread, also from several at once.
 *
 * @param timeout_ms  how long to wait for the first one: milliseconds, negative without limit, 0 only looks
 * @param max         how many to run at most; 0 has no limit
 * @param count       may be NULL; receives how many ran
 * @return LTX_OK when callbacks ran, LTX_PENDING when none was due in that time, LTX_CLOSED once the client is closed (also while it waits),
 * LTX_WOULD_DEADLOCK inside a callback
 */
LTX_API ltx_status ltx_client_dispatch(ltx_client *client, int64_t timeout_ms, size_t max, size_t *count, ltx_error **err);

/**
 * What a foreign event loop (poll(), a notifier for sockets) watches to know when to call ltx_client_dispatch(): a file descriptor that is readable while
 * callbacks are due, and for good once the client is closed. It is always the same one, belongs to the client, and goes with its last owner: it is
 * neither read nor closed, and taken out of the loop before. Not on Windows yet: LTX_UNSUPPORTED there; call ltx_client_dispatch() from a timer.
 *
 * @param handle  receives the file descriptor; -1 on failure
 * @return LTX_OK; LTX_CLOSED; LTX_IO when there are no more descriptors or threads
 */
LTX_API ltx_status ltx_client_event_handle(ltx_client *client, int64_t *handle, ltx_error **err);

/**
 * A new request.
 *
 * @param endpoint  the service's word, for example `"video-to-video-hdr"`
 * @param request   receives the request; freed with ltx_request_free()
 * @return LTX_OK, or LTX_INVALID_REQUEST for what can be no endpoint
 */
LTX_API ltx_status ltx_request_new(const char *endpoint, ltx_request **request, ltx_error **err);

/**
 * Sets a field to a text.
 */
LTX_API ltx_status ltx_request_set_string(ltx_request *request, const char *field, const char *value, ltx_error **err);

/**
 * Sets a field to a whole number.
 */
LTX_API ltx_status ltx_request_set_int(ltx_request *request, const char *field, int64_t value, ltx_error **err);

/**
 * Sets a field to a number, which must be finite.
 */
LTX_API ltx_status ltx_request_set_double(ltx_request *request, const char *field, double value, ltx_error **err);

/**
 * Sets a field to true or false.
 */
LTX_API ltx_status ltx_request_set_bool(ltx_request *request, const char *field, bool value, ltx_error **err);

/**
 * Sets a field to JSON's null.
 */
LTX_API ltx_status ltx_request_set_null(ltx_request *request, const char *field, ltx_error **err);

/**
 * Sets a field to any JSON value, given as text.
 */
LTX_API ltx_status ltx_request_set_json(ltx_request *request, const char *field, const char *json, ltx_error **err);

/**
 * Sets a media field to a local file, which is uploaded before the submit, as a stream. The path is UTF-8; on POSIX any bytes.
 */
LTX_API ltx_status ltx_request_set_media_file(ltx_request *request, const char *field, const char *path, ltx_error **err);

/**
 * Sets a media field to bytes in memory, which are copied now and uploaded before the submit.
 */
LTX_API ltx_status ltx_request_set_media_bytes(ltx_request *request, const char *field, const uint8_t *data, size_t size, ltx_error **err);

/**
 * Sets a media field to an address: `https://...` that the service fetches, `data:...`, or `ltx://uploads/...` of an earlier upload.
 */
LTX_API ltx_status ltx_request_set_media_url(ltx_request *request, const char *field, const char *url, ltx_error **err);

/**
 * Names the submit: the same key with the same request gives the same job, however often it is submitted. NULL takes the name away.
 */
LTX_API ltx_status ltx_request_set_once(ltx_request *request, const char *key, ltx_error **err);

/**
 * A name for people. NULL takes it away.
 */
LTX_API ltx_status ltx_request_set_label(ltx_request *request, const char *label, ltx_error **err);

/**
 * Where the outputs are meant to go: a directory, which is written down with the submit. Nothing is saved by it; whoever brings the outputs home finds it:
 * ltx_submits_dest(), and the command `ltx-jobs recover --finish`. NULL takes it away. The path is UTF-8; on POSIX any bytes are taken, and what is not UTF-8
 * is not written down.
 */
LTX_API ltx_status ltx_request_set_dest(ltx_request *request, const char *dest, ltx_error **err);

/**
 * Limits the submit, uploads and waiting for a place included. An attempt that is on the wire then ends with LTX_SUBMIT_UNKNOWN.
 *
 * @param timeout_ms  milliseconds, above 0; negative takes the limit away
 */
LTX_API ltx_status ltx_request_set_timeout_ms(ltx_request *request, int64_t timeout_ms, ltx_error **err);

/**
 * Refuses the submit, before anything is uploaded or sent, when its estimate is above this amount, or when no estimate can be made: it then ends with
 * LTX_COST_LIMIT and no job. A job that is there already under the `once` key costs nothing and is not refused.
 *
 * @param usd  US dollars as a decimal such as `"2.50"`: at most six digits behind the point, no sign, no currency; NULL takes the limit away, and an empty
 * text is an error, so that a limit that got lost on its way cannot go unnoticed
 * @return LTX_OK, or LTX_INVALID_REQUEST for a text that is no such amount; what was set before then stays
 */
LTX_API ltx_status ltx_request_set_max_cost(ltx_request *request, const char *usd, ltx_error **err);

/**
 * Sends to another path than `/v2/` and the endpoint, for the day the service renames one: `"/v2/new-name"`. Polls go to the same path, and the job is known
 * under its last segment. NULL takes it away. A path that is not usable is told by the submit, with LTX_INVALID_REQUEST.
 */
LTX_API ltx_status ltx_request_set_path(ltx_request *request, const char *path, ltx_error **err);

/**
 * What to do when nobody can tell whether the service got the request: `LTX_ON_UNKNOWN_STOP` (default) or `LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE`.
 */
LTX_API ltx_status ltx_request_set_on_unknown(ltx_request *request, int32_t on_unknown, ltx_error **err);

/**
 * Frees a request. NULL is fine. Submits made of it go on.
 */
LTX_API void ltx_request_free(ltx_request *request);

/**
 * Starts estimating what a request would cost, from the vendor's public price lists (or the setting `prices`) and from what is in its local inputs. Never
 * blocks, sends nothing and costs nothing. ltx_op_take_estimate() gives the estimate.
 *
 * Inputs that are addresses are not looked into, unless this client uploaded them. `once`, `max_cost` and the other wishes for a submit play no part.
 *
 * The operation ends with LTX_UNSUPPORTED when no estimate can be made (the message says which figure is missing), and with LTX_INVALID_REQUEST, LTX_IO and
 * so on where a submit would be refused before it is sent.
 *
 * @param request    copied: it may be freed or changed afterwards
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; released with ltx_op_release()
 */
LTX_API ltx_status ltx_client_estimate(ltx_client *client, const ltx_request *request, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * The sum of the estimates of what this client submitted and was not given back: jobs that run or succeeded, and submits of unknown outcome. In US dollars,
 * as a decimal such as `"1.56"`. Counted only while the setting `spend_limit` is set, else `"0.00"`. From memory: never blocks.
 *
 * @param usd   receives the text with a NUL at its end; empty on failure
 * @param size  the bytes there; `LTX_USD_SIZE` are always enough
 * @return LTX_OK, or LTX_INVALID_ARGUMENT when the text does not fit
 */
LTX_API ltx_status ltx_client_committed(const ltx_client *client, char *usd, size_t size, ltx_error **err);

/**
 * The amount in US dollars, as a decimal such as `"1.56"`; rounded up to a hundredth of a cent. Lives as long as the estimate. NULL for NULL.
 */
LTX_API const char *ltx_estimate_usd(const ltx_estimate *estimate);

/**
 * What the amount was made of, for people: seconds of what, at which price, by whose list. Lives as long as the estimate. NULL for NULL.
 */
LTX_API const char *ltx_estimate_basis(const ltx_estimate *estimate);

/**
 * Frees an estimate. NULL is fine.
 */
LTX_API void ltx_estimate_free(ltx_estimate *estimate);

/**
 * What the client has done: submits, jobs, polls, retries, bytes, money. From memory: never blocks, also when the client is closed. For a metrics library, a
 * status line, a log at the end.
 */
LTX_API ltx_status ltx_client_counters(const ltx_client *client, ltx_counters *counters, ltx_error **err);

/**
 * The job's name for a project file, `endpoint/id`; ltx_client_job() takes it. Lives as long as the job. NULL for NULL.
 */
LTX_API const char *ltx_job_ref_string(const ltx_job *job);

/**
 * The endpoint it was submitted to. Lives as long as the job. NULL for NULL.
 */
LTX_API const char *ltx_job_endpoint(const ltx_job *job);

/**
 * The service's id. Lives as long as the job. NULL for NULL.
 */
LTX_API const char *ltx_job_id(const ltx_job *job);

/**
 * The label given at submit, as far as this client or the journal knows it; NULL when there is none. Lives as long as the job.
 */
LTX_API const char *ltx_job_label(const ltx_job *job);

/**
 * What is known of the job, from memory: never blocks and asks nobody. For user interfaces and render threads.
 */
LTX_API ltx_status ltx_job_snapshot(const ltx_job *job, ltx_job_info *info, ltx_error **err);

/**
 * How many things are odd about the job but may be right: a value or an input that the vendor's documents do not list, a status word this version does not
 * know. They are for people. From memory: never blocks. They only become more. 0 for NULL.
 */
LTX_API size_t ltx_job_warning_count(const ltx_job *job);

/**
 * One of them, in the order they came; NULL beyond the last. Lives as long as the job.
 */
LTX_API const char *ltx_job_warning(const ltx_job *job, size_t index);

/**
 * Starts one look at the service. Never blocks. The operation tells what that look met, errors of the network included (none of them means that the job
 * ended); after success ltx_job_snapshot() knows more. Merged with other polls of the job to one per poll interval.
 *
 * @param callbacks  may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_job_poll(ltx_job *job, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Starts waiting for the job's end. Never blocks; ltx_op_wait() does. ltx_op_take_result() gives the outputs.
 *
 * Only the job's end, cancellation or a refused key end the operation; whatever else goes wrong is asked again.
 *
 * @param callbacks  may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_job_wait(ltx_job *job, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * As ltx_job_wait(), with a time limit of the operation itself: it ends with LTX_WAIT_TIMEOUT when the time is up. The job goes on, and can be waited for
 * again.
 *
 * @param timeout_ms  milliseconds from now; 0 asks the service once; negative waits without limit
 * @param callbacks   may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_job_wait_for(ltx_job *job, int64_t timeout_ms, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * One more owner of the job: gives back `job`, or NULL when it is no job. Each owner releases once.
 */
LTX_API ltx_job *ltx_job_ref(ltx_job *job);

/**
 * One owner less. Never blocks, cancels nothing. NULL is fine.
 */
LTX_API void ltx_job_release(ltx_job *job);

/**
 * The reference of a submit, `intent:...`, from the moment it began; NULL for other operations. Lives as long as the operation.
 */
LTX_API const char *ltx_op_ref_string(const ltx_op *op);

/**
 * How far the operation is, from memory: never blocks for network, disk or the work itself. For user interfaces and render threads.
 */
LTX_API ltx_status ltx_op_snapshot(const ltx_op *op, ltx_op_info *info, ltx_error **err);

/**
 * The file of one frame of ltx_frames_extract(), from the moment it is whole, checked and under its name; NULL before that, beyond the last, and for other
 * operations. Frames that were there already are told when the operation has ended. From memory: never blocks; also inside `on_progress`.
 *
 * @param index  its place in the list of frames
 * @return the path, under the `dest` of the call; lives as long as the operation
 */
LTX_API const char *ltx_op_frame_path(const ltx_op *op, size_t index);

/**
 * Waits until the operation ends or the time is up.
 *
 * Blocks the calling thread and does no I/O on it; any number of threads may wait. A time-out ends only this wait: the operation, and the remote job behind
 * it, go on.
 *
 * @param timeout_ms  milliseconds from now; negative waits without limit; 0 only looks
 * @param err         may be NULL; receives the error on failure, else NULL; the caller frees it with ltx_error_free()
 * @return LTX_OK on success, LTX_PENDING while it runs on, LTX_WOULD_DEADLOCK inside a callback when it still runs and `timeout_ms` is not 0, else what
 * went wrong
 */
LTX_API ltx_status ltx_op_wait(ltx_op *op, int64_t timeout_ms, ltx_error **err);

/**
 * As ltx_op_wait(), and asks `predicate` before the first wait and about every `interval_ms`, on the calling thread: for a host that says by a poll whether
 * its user gave up. Stopping ends only this wait; ltx_op_cancel() ends the operation.
 *
 * @param timeout_ms   milliseconds from now; negative waits without limit; 0 only looks
 * @param interval_ms  milliseconds, at least 1
 * @param user_data    handed to `predicate` as it is
 * @return LTX_OK on success, LTX_PENDING when the time is up, LTX_STOPPED when the predicate said so, LTX_WOULD_DEADLOCK as ltx_op_wait(), else what went
 * wrong
 */
LTX_API ltx_status ltx_op_wait_until(ltx_op *op, int64_t timeout_ms, int64_t interval_ms, ltx_predicate predicate, void *user_data, ltx_error **err);

/**
 * Waits until one of several operations has ended, successfully or not: ltx_op_wait(ops[index], 0, ...) then tells how.
 *
 * @param count       how many there are, at least 1
 * @param timeout_ms  as for ltx_op_wait()
 * @param index       receives the first that has ended; `count` when the time is up and 0 on failure
 * @return LTX_OK when one has ended, LTX_PENDING when the time is up, LTX_WOULD_DEADLOCK inside a callback when none has and `timeout_ms` is not 0, else what
 * was wrong with the call
 */
LTX_API ltx_status ltx_ops_wait_any(const ltx_op *const *ops, size_t count, int64_t timeout_ms, size_t *index, ltx_error **err);

/**
 * Asks the operation to stop; it then ends with LTX_CANCELLED. Never blocks; from any thread, as often as wanted.
 *
 * Stops our work and pays nothing back: a remote job goes on, and a paid request that is on the wire is finished and written down.
 */
LTX_API ltx_status ltx_op_cancel(ltx_op *op, ltx_error **err);

/**
 * One more owner of the operation: gives back `op`, or NULL when it is no operation. Each owner releases once.
 */
LTX_API ltx_op *ltx_op_ref(ltx_op *op);

/**
 * One owner less. Never blocks, cancels nothing. NULL is fine.
 */
LTX_API void ltx_op_release(ltx_op *op);

/**
 * Takes the job of a submit, once.
 *
 * @param job  receives the job; released with ltx_job_release()
 * @return LTX_OK; LTX_PENDING while the submit runs; LTX_INVALID_STATE for another operation or when it was taken; else what went wrong
 */
LTX_API ltx_status ltx_op_take_job(ltx_op *op, ltx_job **job, ltx_error **err);

/**
 * Takes the result of a wait, once.
 *
 * @param result  receives the result; freed with ltx_result_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_result(ltx_op *op, ltx_result **result, ltx_error **err);

/**
 * Takes the list of files of a download or an extraction, once.
 *
 * @param saved  receives the list; freed with ltx_saved_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_saved(ltx_op *op, ltx_saved **saved, ltx_error **err);

/**
 * Takes the list that ltx_result_frames() opened, once.
 *
 * @param frames  receives the list; freed with ltx_frames_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_frames(ltx_op *op, ltx_frames **frames, ltx_error **err);

/**
 * Takes the bytes that ltx_frames_read() brought, once. Nothing is copied.
 *
 * @param buffer  receives them; freed with ltx_buffer_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_buffer(ltx_op *op, ltx_buffer **buffer, ltx_error **err);

/**
 * Takes what ltx_client_estimate() came to, once.
 *
 * @param estimate  receives the estimate; freed with ltx_estimate_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_estimate(ltx_op *op, ltx_estimate **estimate, ltx_error **err);

/**
 * Takes the list of ltx_client_jobs(), once.
 *
 * @param submits  receives the list; freed with ltx_submits_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_submits(ltx_op *op, ltx_submits **submits, ltx_error **err);

/**
 * Takes what ltx_client_recover() found, once.
 *
 * @param recovered  receives it; freed with ltx_recovered_free()
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_recovered(ltx_op *op, ltx_recovered **recovered, ltx_error **err);

/**
 * Takes what ltx_client_check() found, once; also when the operation ended with what was found wrong.
 *
 * @param checked  receives it; freed with ltx_checked_free()
 * @return as ltx_op_take_job(); an operation that was cancelled, or whose client was closed, has found nothing and gives that error
 */
LTX_API ltx_status ltx_op_take_checked(ltx_op *op, ltx_checked **checked, ltx_error **err);

/**
 * The `ltx://uploads/...` address of an upload, as often as wanted.
 *
 * @param uri  receives the text, which lives as long as the operation and is not freed
 * @return as ltx_op_take_job()
 */
LTX_API ltx_status ltx_op_take_uri(ltx_op *op, const char **uri, ltx_error **err);

/**
 * How many outputs there are. 0 for NULL.
 */
LTX_API size_t ltx_result_count(const ltx_result *result);

/**
 * The service's label of an output (`"exr_frames_url"`); NULL beyond the last.
 */
LTX_API const char *ltx_result_label(const ltx_result *result, size_t index);

/**
 * The signed URL of an output; NULL beyond the last. Whoever has its text can read the file until it expires: keep it out of logs.
 */
LTX_API const char *ltx_result_url(const ltx_result *result, size_t index);

/**
 * When the service accepted the job: milliseconds since 1970, -1 when not known.
 */
LTX_API int64_t ltx_result_created_at(const ltx_result *result);

/**
 * When the job completed, by the service's clock: milliseconds since 1970, -1 when not known.
 */
LTX_API int64_t ltx_result_completed_at(const ltx_result *result);

/**
 * When the service forgets the job: milliseconds since 1970, -1 when not known.
 */
LTX_API int64_t ltx_result_job_expires_at(const ltx_result *result);

/**
 * When the first of the URLs expires: milliseconds since 1970, -1 when not known.
 */
LTX_API int64_t ltx_result_outputs_expire_at(const ltx_result *result);

/**
 * Starts saving the outputs into a directory, which is created if needed. Never blocks; costs nothing on the bill. ltx_op_take_saved() gives the files.
 *
 * A file goes to `dest/<label without _url>` plus its extension (`video.mp4`); an archive of EXR frames is unpacked into `dest/<label without _url>/`
 * (`exr_frames/frame_00001.exr`). What is there under its final name is complete and verified. URLs that expired are renewed.
 *
 * @param dest       UTF-8; on POSIX any bytes
 * @param options    may be NULL: all outputs, archives of frames unpacked, nothing overwritten; copied
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; the result may be freed while it runs
 */
LTX_API
ltx_status ltx_result_download(const ltx_result *result,
                               const char *dest,
                               const ltx_download_options *options,
                               const ltx_callbacks *callbacks,
                               ltx_op **op,
                               ltx_error **err);

/**
 * Frees a result. NULL is fine. Downloads made of it go on.
 */
LTX_API void ltx_result_free(ltx_result *result);

/**
 * How many files there are. 0 for NULL.
 */
LTX_API size_t ltx_saved_count(const ltx_saved *saved);

/**
 * The path of a file, under the `dest` of the download; frames in the order of the archive. NULL beyond the last. Lives as long as the list.
 */
LTX_API const char *ltx_saved_path(const ltx_saved *saved, size_t index);

/**
 * The bytes of all the files together. 0 for NULL.
 */
LTX_API uint64_t ltx_saved_bytes(const ltx_saved *saved);

/**
 * Frees the list. NULL is fine. The files stay.
 */
LTX_API void ltx_saved_free(ltx_saved *saved);

/**
 * Starts opening the archive of EXR frames where it lies: one ranged request for its directory, two for one of some 3,000 frames and more. Fetches no frame.
 * Never blocks; costs nothing on the bill. ltx_op_take_frames() gives the list.
 *
 * The operation ends with LTX_INVALID_REQUEST when the label is not there or several outputs may be meant, LTX_ARCHIVE when there is no archive or it is
 * damaged, LTX_UNSAFE_NAME or LTX_LIMIT_EXCEEDED when it is made to do harm, LTX_UNSUPPORTED for a storage without ranges (see `spool`).
 *
 * @param options    may be NULL; copied
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; the result may be freed while it runs
 */
LTX_API ltx_status ltx_result_frames(const ltx_result *result, const ltx_frames_options *options, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * The service's label of the output they come from (`"exr_frames_url"`). NULL for NULL.
 */
LTX_API const char *ltx_frames_label(const ltx_frames *frames);

/**
 * How many frames there are. 0 for NULL.
 */
LTX_API size_t ltx_frames_count(const ltx_frames *frames);

/**
 * The name of a frame in the archive, without folders (`"frame_00042.exr"`); NULL beyond the last.
 */
LTX_API const char *ltx_frames_name(const ltx_frames *frames, size_t index);

/**
 * The number in a frame's name, its last digits; -1 when it has none, and beyond the last.
 */
LTX_API int64_t ltx_frames_number(const ltx_frames *frames, size_t index);

/**
 * The bytes of a frame, unpacked; 0 beyond the last.
 */
LTX_API uint64_t ltx_frames_size(const ltx_frames *frames, size_t index);

/**
 * The index of the frame with this number (of the first one, should several have it); -1 when there is none.
 */
LTX_API int64_t ltx_frames_find_number(const ltx_frames *frames, int64_t number);

/**
 * Starts reading one frame into memory: one ranged request for its bytes and, at most, some 128 KiB beside them; its CRC-32 is checked. Never blocks; costs
 * nothing on the bill. ltx_op_take_buffer() gives the bytes, an EXR file. Any number may run at the same time.
 *
 * The operation ends with LTX_INVALID_REQUEST when there is no such frame, LTX_INTEGRITY or LTX_ARCHIVE, with the frame's name, when it arrived damaged
 * twice, LTX_OBJECT_CHANGED when the storage has another archive by now.
 *
 * @param index      its place in the list
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; the list may be freed while it runs
 */
LTX_API ltx_status ltx_frames_read(const ltx_frames *frames, size_t index, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Frees the list. NULL is fine. What was begun with it goes on, and buffers stay.
 */
LTX_API void ltx_frames_free(ltx_frames *frames);

/**
 * The bytes, without a copy; they live as long as the buffer. NULL for NULL.
 */
LTX_API const uint8_t *ltx_buffer_data(const ltx_buffer *buffer);

/**
 * How many there are. 0 for NULL.
 */
LTX_API size_t ltx_buffer_size(const ltx_buffer *buffer);

/**
 * Frees the bytes. NULL is fine.
 */
LTX_API void ltx_buffer_free(ltx_buffer *buffer);

/**
 * Starts saving frames as files in a directory, which is created if needed: in order, over several connections, each under its final name the moment it is
 * whole and checked. A frame that is there already, with the right size and CRC-32, is not fetched. Never blocks; costs nothing on the bill.
 *
 * While it runs ltx_op_frame_path() tells which frames are there, and `frames_done` of ltx_op_info how many. ltx_op_take_saved() gives all of them, in
 * order. Cancelled, it leaves the frames that are there, and the next call fetches the others.
 *
 * Before anything is written the operation ends with LTX_EXISTS when another file has a frame's name, LTX_INVALID_REQUEST for a range that is not there or a
 * pattern that is none, LTX_UNSAFE_NAME; with LTX_INTEGRITY or LTX_ARCHIVE and the name of the first frame that arrived damaged twice, when all the others
 * are there.
 *
 * @param dest       UTF-8; on POSIX any bytes
 * @param options    may be NULL: all frames, by their own names, nothing overwritten; copied
 * @param callbacks  may be NULL; see ltx_callbacks
 * @param op         receives the operation; the list may be freed while it runs
 */
LTX_API
ltx_status ltx_frames_extract(const ltx_frames *frames,
                              const char *dest,
                              const ltx_extract_options *options,
                              const ltx_callbacks *callbacks,
                              ltx_op **op,
                              ltx_error **err);

/**
 * Starts fetching frames into memory, in order, ahead of whoever takes them and over several connections, as far as the budget goes: memory stays flat,
 * however long the shot. Never blocks; costs nothing on the bill.
 *
 * @param options  may be NULL: all frames, 24 MiB; copied
 * @param stream   receives the stream; released with ltx_frame_stream_release(). The list may be freed while it runs
 */
LTX_API ltx_status ltx_frames_stream(const ltx_frames *frames, const ltx_stream_options *options, ltx_frame_stream **stream, ltx_error **err);

/**
 * Takes the next frame. Waits on the calling thread until it is there, or the time is up; does no I/O on it. Several threads may take, each frame goes to
 * one of them.
 *
 * Behind a failure nothing more comes, and it is told as often as it is asked: LTX_INTEGRITY or LTX_ARCHIVE, with the frame's name, when one arrived damaged
 * twice (what is behind it comes with another stream that begins there), LTX_CANCELLED after the frames that waited, LTX_INVALID_REQUEST for a range that is
 * not there, LTX_OBJECT_CHANGED, LTX_CLOSED, and those of the network.
 *
 * @param timeout_ms  milliseconds from now; negative waits without limit; 0 only looks
 * @param index       may be NULL; receives its place in the list: ltx_frames_name(), ltx_frames_number()
 * @param buffer      receives its bytes, an EXR file, without a copy; freed with ltx_buffer_free()
 * @return LTX_OK with a frame; LTX_PENDING when none came in that time; LTX_END when all were taken; LTX_WOULD_DEADLOCK inside a callback when none is there
 * and `timeout_ms` is not 0; else what went wrong
 */
LTX_API ltx_status ltx_frame_stream_next(ltx_frame_stream *stream, int64_t timeout_ms, size_t *index, ltx_buffer **buffer, ltx_error **err);

/**
 * How far the fetching is, from memory; `outcome` is `LTX_PENDING` until ltx_frame_stream_next() told the end. Never blocks. A frame counts when it is ready to
 * be taken.
 */
LTX_API ltx_status ltx_frame_stream_snapshot(const ltx_frame_stream *stream, ltx_op_info *info, ltx_error **err);

/**
 * Ends the fetching; whoever waits for a frame is back with LTX_CANCELLED at once. Never blocks; from any thread, as often as wanted.
 */
LTX_API ltx_status ltx_frame_stream_cancel(ltx_frame_stream *stream, ltx_error **err);

/**
 * One more owner of the stream: gives back `stream`, or NULL when it is no stream. Each owner releases once.
 */
LTX_API ltx_frame_stream *ltx_frame_stream_ref(ltx_frame_stream *stream);

/**
 * One owner less; the last one ends the fetching. Never blocks. NULL is fine.
 */
LTX_API void ltx_frame_stream_release(ltx_frame_stream *stream);

/**
 * Starts reading every submit to this service that the journal knows. Never blocks, and asks nobody. ltx_op_take_submits() gives the list. The operation
 * ends with LTX_JOURNAL when a file is damaged.
 *
 * @param callbacks  may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_client_jobs(ltx_client *client, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Starts looking for what an earlier run left behind, after a crash for example: jobs to wait for and to fetch, and submits whose outcome is unknown. Never
 * blocks, asks nobody and bills nothing. ltx_op_take_recovered() gives what was found.
 *
 * @param callbacks  may be NULL; see ltx_callbacks
 */
LTX_API ltx_status ltx_client_recover(ltx_client *client, const ltx_callbacks *callbacks, ltx_op **op, ltx_error **err);

/**
 * Starts writing down what became of a submit whose outcome, or whose job's id, was unknown, after a look at the account. Never blocks. Its `once` key is free again when there
 * is no job. The operation ends with LTX_NOT_FOUND when the journal does not know the intent, and with LTX_INVALID_STATE when its outcome is not unknown.
 *
 * @param intent     its reference, `intent:...`
 * @param job        the job it became, `endpoint/id`; NULL when there is none
 * @param callbacks  may be NULL; see ltx_callbacks
 * @return LTX_OK; LTX_INVALID_REQUEST for a text that is no reference
 */
LTX_API
ltx_status ltx_client_resolve(ltx_client *client,
                              const char *intent,
                              const char *job,
                              const ltx_callbacks *callbacks,
                              ltx_op **op,
                              ltx_error **err);

/**
 * How many submits there are. 0 for NULL.
 */
LTX_API size_t ltx_submits_count(const ltx_submits *submits);

/**
 * The reference of the submit, `intent:...`; NULL beyond the last.
 */
LTX_API const char *ltx_submits_intent(const ltx_submits *submits, size_t index);

/**
 * The job it became, `endpoint/id`; NULL when its id is not known.
 */
LTX_API const char *ltx_submits_job(const ltx_submits *submits, size_t index);

/**
 * The endpoint it was sent to; NULL beyond the last.
 */
LTX_API const char *ltx_submits_endpoint(const ltx_submits *submits, size_t index);

/**
 * The label it was given; NULL when it had none.
 */
LTX_API const char *ltx_submits_label(const ltx_submits *submits, size_t index);

/**
 * The `once` key it was given; NULL when it had none.
 */
LTX_API const char *ltx_submits_once(const ltx_submits *submits, size_t index);

/**
 * The directory its outputs are meant to go to, as given at submit: an absolute path; NULL when none was given.
 */
LTX_API const char *ltx_submits_dest(const ltx_submits *submits, size_t index);

/**
 * Its estimate, US dollars as a decimal such as `"2.50"`; NULL where none was made: it is made for a limit of the submit or of the client.
 */
LTX_API const char *ltx_submits_usd(const ltx_submits *submits, size_t index);

/**
 * The service's request id, for the vendor's support, where the outcome is unknown or the job's id is lost; NULL when there is none.
 */
LTX_API const char *ltx_submits_request_id(const ltx_submits *submits, size_t index);

/**
 * When it began, by this machine's clock: milliseconds since 1970; -1 beyond the last.
 */
LTX_API int64_t ltx_submits_began_at(const ltx_submits *submits, size_t index);

/**
 * What became of it: `LTX_FATE_UNKNOWN` and so on; -1 beyond the last, and for something this version does not know.
 */
LTX_API int32_t ltx_submits_fate(const ltx_submits *submits, size_t index);

/**
 * Attempts of unknown outcome that nobody has settled: each may have created a job. Beside a known job, or more than one, only where a double charge was
 * accepted. 0 beyond the last.
 */
LTX_API uint32_t ltx_submits_doubts(const ltx_submits *submits, size_t index);

/**
 * How the job ended, when that was seen: `LTX_STATE_COMPLETED`, `LTX_STATE_FAILED`; else `LTX_STATE_UNKNOWN`.
 */
LTX_API int32_t ltx_submits_ended(const ltx_submits *submits, size_t index);

/**
 * Whether the outputs were saved.
 */
LTX_API bool ltx_submits_is_saved(const ltx_submits *submits, size_t index);

/**
 * Whether it was submitted with another API key than the client's; such a job cannot be asked for.
 */
LTX_API bool ltx_submits_is_other_key(const ltx_submits *submits, size_t index);

/**
 * Frees a list that ltx_op_take_submits() gave; not those of an ltx_recovered. NULL is fine.
 */
LTX_API void ltx_submits_free(ltx_submits *submits);

/**
 * How many jobs exist whose outputs were not saved. 0 for NULL.
 */
LTX_API size_t ltx_recovered_job_count(const ltx_recovered *recovered);

/**
 * A job to wait for and to fetch; oldest first.
 *
 * @param job  receives the job, a new handle at each call; released with ltx_job_release()
 * @return LTX_OK, or LTX_INVALID_ARGUMENT beyond the last
 */
LTX_API ltx_status ltx_recovered_job(const ltx_recovered *recovered, size_t index, ltx_job **job, ltx_error **err);

/**
 * Submits whose outcome nobody knows, and those whose job exists without a known id: look at the account, then settle each with ltx_client_resolve(). Belongs to `recovered`, and is not freed. NULL for
 * NULL.
 */
LTX_API
const ltx_submits *ltx_recovered_unknown(const ltx_recovered *recovered);

/**
 * Jobs that were submitted with another API key, and cannot be asked for with this one. Belongs to `recovered`, and is not freed. NULL for NULL.
 */
LTX_API const ltx_submits *ltx_recovered_other_key(const ltx_recovered *recovered);

/**
 * Frees what was found. NULL is fine. The jobs go on, and so do their handles.
 */
LTX_API void ltx_recovered_free(ltx_recovered *recovered);

/**
 * How many findings there are, one for each part. 0 for NULL.
 */
LTX_API size_t ltx_checked_count(const ltx_checked *checked);

/**
 * Which part: `"proxy"`, `"certificates"`, `"api"`, `"key"`, `"clock"`, `"journal"`, `"storage"`. NULL beyond the last.
 */
LTX_API const char *ltx_checked_what(const ltx_checked *checked, size_t index);

/**
 * How it was found: `LTX_FOUND_OK` and so on; -1 beyond the last, and for something this version does not know.
 */
LTX_API int32_t ltx_checked_state(const ltx_checked *checked, size_t index);

/**
 * The finding in words, for people. NULL beyond the last.
 */
LTX_API const char *ltx_checked_detail(const ltx_checked *checked, size_t index);

/**
 * How long it took, in milliseconds; -1 where nothing was asked, and beyond the last.
 */
LTX_API int64_t ltx_checked_elapsed_ms(const ltx_checked *checked, size_t index);

/**
 * What went wrong, when it failed; `LTX_OK` when it did not, and beyond the last.
 */
LTX_API ltx_status ltx_checked_status(const ltx_checked *checked, size_t index);

/**
 * How many settings there are. 0 for NULL.
 */
LTX_API size_t ltx_checked_setting_count(const ltx_checked *checked);

/**
 * The name of a setting, as ltx_config_set() takes it. NULL beyond the last.
 */
LTX_API const char *ltx_checked_setting_key(const ltx_checked *checked, size_t index);

/**
 * Its value; the API key as `***`. NULL beyond the last.
 */
LTX_API const char *ltx_checked_setting_value(const ltx_checked *checked, size_t index);

/**
 * Where the value came from: `"default"`, `"argument"`, `"environment LTX_PROXY"`. NULL beyond the last.
 */
LTX_API const char *ltx_checked_setting_origin(const ltx_checked *checked, size_t index);

/**
 * The service's id of the request; NULL when it did not answer.
 */
LTX_API const char *ltx_checked_request_id(const ltx_checked *checked);

/**
 * The whole report for people: a line for each setting with its origin, then one for each finding. Empty for NULL, never NULL.
 */
LTX_API const char *ltx_checked_text(const ltx_checked *checked);

/**
 * Frees what was found. NULL is fine.
 */
LTX_API void ltx_checked_free(ltx_checked *checked);

/**
 * Hands the library's log to a function of the host, or stops that. Off until the first call; one function for this copy of the library and all its clients.
 *
 * The function is called on a thread of the library (`ltx-log`), one line at a time, never inside a call of the host's; it must neither throw nor jump out.
 * Inside it nothing may wait: a wait for an operation that still runs, ltx_client_close() and this function answer LTX_WOULD_DEADLOCK. The work of the library
 * never waits for it: some thousand lines are kept, and what comes then is dropped and counted. No line contains an API key or the query of a signed URL.
 *
 * When this returns, the function set before does not run and never will; it was told what was logged before the call, and its `destroy` was called.
 * Switch the log off before the code of the function is unloaded. In a forked child nothing is logged until this is called there, and what the parent had set
 * is neither called nor destroyed.
 *
 * @param level      `LTX_LOG_OFF` to `LTX_LOG_TRACE`: this level and what matters more; LTX_LOG_TRACE adds what the HTTP and TLS libraries inside say
 * @param function   NULL is LTX_LOG_OFF
 * @param user_data  handed to `function` as it is
 * @param destroy    may be NULL; frees `user_data`, exactly once: on the thread that replaces the function or switches it off, or, when this call fails or
 *                   switches off itself, before it returns
 * @return LTX_OK; LTX_INVALID_ARGUMENT for another level; LTX_IO when no thread can be started
 */
LTX_API ltx_status ltx_log_set(int32_t level, ltx_log_function function, void *user_data, ltx_destroy_function destroy, ltx_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LTX_JOBS_H */

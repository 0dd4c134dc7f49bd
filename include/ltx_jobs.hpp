/**
 * @file ltx_jobs.hpp
 * The C++17 layer over ltx_jobs.h: header only, the standard library only, nothing clever.
 *
 * Every object is one pointer wide, move-only, and gives its C handle by c_ptr(). Each function that can fail comes twice: `submit()` throws ltx::Error,
 * `try_submit()` returns an ltx::expected. With -fno-exceptions only the second kind is there. Works with -fno-rtti.
 *
 * The contracts of ltx_jobs.h hold: client, job and operation may be used from any thread at the same time; no socket is touched on the caller's thread.
 * A wait with a time limit that is over is the error LTX_WAIT_TIMEOUT; the job goes on, and may be waited for again.
 *
 * There are no inline variables and no static locals in here: they would keep a plug-in that uses this header from being unloaded.
 */
#ifndef LTX_JOBS_HPP
#define LTX_JOBS_HPP

#include "ltx_jobs.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define LTX_HAS_EXCEPTIONS 1
#include <exception>
#include <future>
#else
#define LTX_HAS_EXCEPTIONS 0
#endif

namespace ltx {
inline namespace v0 {

using milliseconds = std::chrono::milliseconds;

/** What an error means for the bill. */
enum class Billing : std::int32_t {
  no_job = LTX_BILLING_NO_JOB,
  job_exists = LTX_BILLING_JOB_EXISTS,
  not_billed = LTX_BILLING_NOT_BILLED,
  unknown = LTX_BILLING_UNKNOWN,
};

/** What to do when nobody can tell whether the service got a submit. */
enum class OnUnknown : std::int32_t { stop = LTX_ON_UNKNOWN_STOP, accept_double_charge = LTX_ON_UNKNOWN_ACCEPT_DOUBLE_CHARGE };

/** What becomes of an archive of EXR frames. */
enum class Archive : std::int32_t { unpack = LTX_ARCHIVE_UNPACK, keep = LTX_ARCHIVE_KEEP, both = LTX_ARCHIVE_BOTH };

/** What must be proven about a file before it gets its name. */
enum class Verify : std::int32_t { when_offered = LTX_VERIFY_WHEN_OFFERED, require = LTX_VERIFY_REQUIRE, off = LTX_VERIFY_OFF };

namespace detail {

struct Free {
  void operator()(ltx_error *error) const noexcept { ltx_error_free(error); }
  void operator()(ltx_config *config) const noexcept { ltx_config_free(config); }
  void operator()(ltx_client *client) const noexcept { ltx_client_release(client); }
  void operator()(ltx_request *request) const noexcept { ltx_request_free(request); }
  void operator()(ltx_job *job) const noexcept { ltx_job_release(job); }
  void operator()(ltx_op *op) const noexcept { ltx_op_release(op); }
  void operator()(ltx_estimate *estimate) const noexcept { ltx_estimate_free(estimate); }
  void operator()(ltx_result *result) const noexcept { ltx_result_free(result); }
  void operator()(ltx_saved *saved) const noexcept { ltx_saved_free(saved); }
  void operator()(ltx_frames *frames) const noexcept { ltx_frames_free(frames); }
  void operator()(ltx_buffer *buffer) const noexcept { ltx_buffer_free(buffer); }
  void operator()(ltx_frame_stream *stream) const noexcept { ltx_frame_stream_release(stream); }
  void operator()(ltx_submits *submits) const noexcept { ltx_submits_free(submits); }
  void operator()(ltx_checked *checked) const noexcept { ltx_checked_free(checked); }
  void operator()(ltx_recovered *recovered) const noexcept { ltx_recovered_free(recovered); }
};

template <class T> using Owned = std::unique_ptr<T, Free>;

inline std::string text(const char *text) { return text == nullptr ? std::string() : std::string(text); }

inline std::optional<std::string> maybe(const char *text) {
  return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

/** A path as the C functions take it: UTF-8 on Windows, its own bytes elsewhere. */
inline std::string bytes(const std::filesystem::path &path) {
#if defined(_WIN32)
  const auto utf8 = path.u8string();
  return std::string(utf8.begin(), utf8.end());
#else
  return path.native();
#endif
}

inline std::filesystem::path path(const char *text) {
#if defined(_WIN32) && defined(__cpp_char8_t)
  return std::filesystem::path(reinterpret_cast<const char8_t *>(text));
#elif defined(_WIN32)
  return std::filesystem::u8path(text);
#else
  return std::filesystem::path(text);
#endif
}

/** Milliseconds for C: rounded up, so that a wait is never shorter than asked for; what is too long has no limit. */
template <class Rep, class Period> std::int64_t ms(std::chrono::duration<Rep, Period> time) noexcept {
  using wide = std::chrono::duration<double, std::milli>;
  if (time <= time.zero()) {
    return 0;
  }
  const double count = wide(time).count();
  if (!(count < 9.0e15)) {
    return -1;
  }
  const auto whole = static_cast<std::int64_t>(count);
  return static_cast<double>(whole) < count ? whole + 1 : whole;
}

} // namespace detail

/** What went wrong: a copy of everything the library knows, independent of any handle. */
class Error
#if LTX_HAS_EXCEPTIONS
    : public std::exception
#endif
{
public:
  /** Takes over an error of the C interface. */
  static Error adopt(ltx_status status, ltx_error *raw) {
    const detail::Owned<ltx_error> error(raw);
    Error made(status, detail::text(ltx_error_message(raw)));
    made.facts_->billing = static_cast<Billing>(ltx_error_billing(raw));
    made.facts_->job_ref = detail::maybe(ltx_error_job_ref(raw));
    made.facts_->request_id = detail::maybe(ltx_error_request_id(raw));
    made.facts_->api_type = detail::maybe(ltx_error_api_type(raw));
    made.facts_->api_message = detail::maybe(ltx_error_api_message(raw));
    if (const std::int32_t http = ltx_error_http_status(raw)) {
      made.facts_->http_status = http;
    }
    if (const std::int64_t after = ltx_error_retry_after_ms(raw); after >= 0) {
      made.facts_->retry_after = milliseconds(after);
    }
    made.facts_->retryable = ltx_error_is_retryable(raw);
    made.facts_->job_ended = ltx_error_job_ended(raw);
    return made;
  }

  Error(ltx_status status, std::string message) : facts_(std::make_shared<Facts>()) {
    facts_->status = status;
    facts_->message = std::move(message);
  }

  /** LTX_WAIT_TIMEOUT and so on. */
  ltx_status status() const noexcept { return facts_->status; }
  /** The kind as every language of this library writes it, for example "WaitTimeout". */
  const char *kind() const noexcept { return ltx_status_name(facts_->status); }
  /** One line: what happened, what it means for the bill, what to do next. */
  const std::string &message() const noexcept { return facts_->message; }
  const char *what() const noexcept
#if LTX_HAS_EXCEPTIONS
      override
#endif
  {
    return facts_->message.c_str();
  }
  Billing billing() const noexcept { return facts_->billing; }
  /** The word for billing(): "no_job", "job_exists", "not_billed" or "unknown". */
  const char *billing_name() const noexcept { return ltx_billing_name(static_cast<std::int32_t>(facts_->billing)); }
  /** The job, or the intent of a submit, that it is about. */
  const std::optional<std::string> &job_ref() const noexcept { return facts_->job_ref; }
  const std::optional<std::string> &request_id() const noexcept { return facts_->request_id; }
  std::optional<int> http_status() const noexcept { return facts_->http_status; }
  const std::optional<std::string> &api_type() const noexcept { return facts_->api_type; }
  const std::optional<std::string> &api_message() const noexcept { return facts_->api_message; }
  /** Whether the same call again is safe, cannot cost more, and may help. */
  bool is_retryable() const noexcept { return facts_->retryable; }
  /** Whether the job has ended on the service. */
  bool job_ended() const noexcept { return facts_->job_ended; }
  std::optional<milliseconds> retry_after() const noexcept { return facts_->retry_after; }

private:
  struct Facts {
    ltx_status status = LTX_INTERNAL;
    std::string message;
    Billing billing = Billing::no_job;
    std::optional<std::string> job_ref, request_id, api_type, api_message;
    std::optional<int> http_status;
    std::optional<milliseconds> retry_after;
    bool retryable = false;
    bool job_ended = false;
  };
  // Shared, so that copying an exception cannot throw.
  std::shared_ptr<Facts> facts_;
};

/** A value or an Error; the names are those of std::expected. Reading what is not there is undefined, as it is there with operator*. */
template <class T> class [[nodiscard]] expected {
public:
  expected(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  expected(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  T &operator*() & noexcept { return *std::get_if<0>(&held_); }
  const T &operator*() const & noexcept { return *std::get_if<0>(&held_); }
  T &&operator*() && noexcept { return std::move(*std::get_if<0>(&held_)); }
  T *operator->() noexcept { return std::get_if<0>(&held_); }
  const T *operator->() const noexcept { return std::get_if<0>(&held_); }
  const Error &error() const noexcept { return *std::get_if<1>(&held_); }

#if LTX_HAS_EXCEPTIONS
  /** The value; throws the error when there is none. */
  T value() && {
    if (!has_value()) {
      throw error();
    }
    return std::move(*std::get_if<0>(&held_));
  }
#endif

private:
  std::variant<T, Error> held_;
};

/** Done, or an Error. */
template <> class [[nodiscard]] expected<void> {
public:
  expected() = default;
  expected(Error error) : error_(std::move(error)) {}

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  const Error &error() const noexcept { return *error_; }

#if LTX_HAS_EXCEPTIONS
  void value() && {
    if (error_) {
      throw *error_;
    }
  }
#endif

private:
  std::optional<Error> error_;
};

namespace detail {

/** Calls `function(..., &err)` that gives a status. */
template <class Function> expected<void> call(Function &&function) {
  ltx_error *err = nullptr;
  const ltx_status status = std::forward<Function>(function)(&err);
  if (status == LTX_OK) {
    return {};
  }
  return Error::adopt(status, err);
}

/** Calls `function(&handle, &err)` and wraps the handle it gives. */
template <class Wrapper, class Function> expected<Wrapper> make(Function &&function) {
  typename Wrapper::raw_type *raw = nullptr;
  ltx_error *err = nullptr;
  const ltx_status status = std::forward<Function>(function)(&raw, &err);
  if (status == LTX_OK) {
    return Wrapper::adopt(raw);
  }
  return Error::adopt(status, err);
}

/** What all handles have in common. */
template <class Derived, class Raw> class Handle {
public:
  using raw_type = Raw;
  /** Takes over a handle of the C interface. */
  static Derived adopt(Raw *raw) noexcept {
    Derived made;
    made.raw_.reset(raw);
    return made;
  }
  /** The C handle; it stays owned by this object. */
  Raw *c_ptr() const noexcept { return raw_.get(); }
  /** Gives the C handle away. */
  Raw *release() noexcept { return raw_.release(); }

protected:
  Handle() noexcept = default;
  Owned<Raw> raw_;
};

} // namespace detail

/** What became of a submit, as the journal knows it. */
enum class Fate : std::int32_t {
  submitting = LTX_FATE_SUBMITTING,
  accepted = LTX_FATE_ACCEPTED,
  refused = LTX_FATE_REFUSED,
  unknown = LTX_FATE_UNKNOWN,
  ended_unbilled = LTX_FATE_ENDED_UNBILLED,
  id_lost = LTX_FATE_ID_LOST,
};

/** How far an operation is, from memory. */
struct Progress {
  /** LTX_PENDING while it runs, LTX_OK after success, else the error's status. */
  ltx_status outcome;
  /** LTX_PHASE_PREPARING and so on; LTX_PHASE_QUEUED for a submit that waits for a place. */
  std::int32_t phase;
  std::int64_t bytes_done;
  std::optional<std::int64_t> bytes_total;
  std::int64_t frames_done;
  std::optional<std::int64_t> frames_total;
  milliseconds elapsed;
  /** How long the service has not been reachable. */
  std::optional<milliseconds> unreachable;
  /** The service's word for the job's status, while waiting. */
  std::string status;
  /** Who else is fetching the file that is waited for (process and host), while that is so. */
  std::optional<std::string> waiting_for;
};

/** What is known of a job, from memory. */
struct Snapshot {
  /** LTX_STATE_PENDING and so on. */
  std::int32_t status;
  /** The service's own word. */
  std::string status_word;
  bool ended;
  std::optional<std::chrono::system_clock::time_point> created_at, last_contact, unreachable_since;
  /** What is odd about the job but may be right, for people. */
  std::vector<std::string> warnings;
};

/** What a job will cost, as far as price lists tell; the service's own bill is what counts. */
struct Estimate {
  /** US dollars as a decimal, for example "1.56". */
  std::string usd;
  /** What the amount was made of, for people. */
  std::string basis;
};

/** What a client has done since it was made, at one moment: see ltx_counters. */
struct Counters {
  std::uint64_t submits = 0;
  std::uint64_t submits_known = 0;
  std::uint64_t submits_refused = 0;
  std::uint64_t submits_unknown = 0;
  std::uint64_t posts = 0;
  std::uint64_t jobs_created = 0;
  std::uint64_t jobs_completed = 0;
  std::uint64_t jobs_failed = 0;
  std::uint64_t polls = 0;
  std::uint64_t http_requests = 0;
  std::uint64_t submit_retries = 0;
  std::uint64_t api_retries = 0;
  std::uint64_t storage_retries = 0;
  std::uint64_t transfers_resumed = 0;
  std::uint64_t transfers_restarted = 0;
  std::uint64_t bytes_downloaded = 0;
  std::uint64_t bytes_uploaded = 0;
  std::uint64_t bytes_rehosted = 0;
  /** US dollars as a decimal, what Client::committed() gives. */
  std::string committed;
};

class Buffer;
class Frames;
class Job;
class Result;
class Saved;

namespace detail {

inline Progress progress(const ltx_op_info &info) {
  const auto known = [](std::int64_t number) { return number < 0 ? std::nullopt : std::optional<std::int64_t>(number); };
  return Progress{info.outcome,
                  info.phase,
                  info.bytes_done,
                  known(info.bytes_total),
                  info.frames_done,
                  known(info.frames_total),
                  milliseconds(info.elapsed_ms),
                  info.unreachable_ms < 0 ? std::nullopt : std::optional<milliseconds>(milliseconds(info.unreachable_ms)),
                  std::string(info.status_word),
                  info.waiting_for[0] == '\0' ? std::nullopt : std::optional<std::string>(info.waiting_for)};
}

inline Counters counters(const ltx_counters &raw) {
  Counters counted;
  counted.submits = raw.submits;
  counted.submits_known = raw.submits_known;
  counted.submits_refused = raw.submits_refused;
  counted.submits_unknown = raw.submits_unknown;
  counted.posts = raw.posts;
  counted.jobs_created = raw.jobs_created;
  counted.jobs_completed = raw.jobs_completed;
  counted.jobs_failed = raw.jobs_failed;
  counted.polls = raw.polls;
  counted.http_requests = raw.http_requests;
  counted.submit_retries = raw.submit_retries;
  counted.api_retries = raw.api_retries;
  counted.storage_retries = raw.storage_retries;
  counted.transfers_resumed = raw.transfers_resumed;
  counted.transfers_restarted = raw.transfers_restarted;
  counted.bytes_downloaded = raw.bytes_downloaded;
  counted.bytes_uploaded = raw.bytes_uploaded;
  counted.bytes_rehosted = raw.bytes_rehosted;
  counted.committed = raw.committed;
  return counted;
}

inline std::chrono::system_clock::time_point since_epoch(std::int64_t ms) {
  using clock = std::chrono::system_clock;
  return clock::time_point(std::chrono::duration_cast<clock::duration>(milliseconds(ms)));
}

/** Stands for a function that is not given. */
struct None {};

} // namespace detail

/**
 * Functions to be called for one operation, inside Client::dispatch() and on the thread that calls it. Given to the call that starts the operation:
 *
 *     client.submit_start(request, ltx::Callbacks([&](const ltx::Progress &now) { bar.show(now); }, [&](const ltx::expected<void> &end) { ... }));
 *
 * The functions are moved into one block of memory, which is destroyed exactly once: after the completion was told, or when the operation could not begin or
 * the client was closed before. What they capture may therefore be destroyed on any thread that dispatches or closes. An exception that leaves one of them
 * ends the program, as with std::thread: it cannot cross the C interface. Inside them nothing waits: what would is LTX_WOULD_DEADLOCK.
 */
class Callbacks {
public:
  /** None. */
  Callbacks() noexcept = default;

  /** `on_progress(const Progress &)` gives nothing, or whether to cancel the operation. `on_complete(const expected<void> &)` gets how it ended. */
  template <class OnProgress, class OnComplete>
  Callbacks(OnProgress on_progress, OnComplete on_complete)
      : Callbacks(new Block<OnProgress, OnComplete>{std::move(on_progress), std::move(on_complete)}) {}

  template <class OnProgress> static Callbacks progress(OnProgress on_progress) { return Callbacks(std::move(on_progress), detail::None()); }
  template <class OnComplete> static Callbacks complete(OnComplete on_complete) { return Callbacks(detail::None(), std::move(on_complete)); }

  Callbacks(Callbacks &&other) noexcept : raw_(std::exchange(other.raw_, ltx_callbacks())) {}
  Callbacks &operator=(Callbacks &&other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  Callbacks(const Callbacks &) = delete;
  Callbacks &operator=(const Callbacks &) = delete;
  ~Callbacks() {
    if (raw_.destroy != nullptr) {
      raw_.destroy(raw_.user_data);
    }
  }

  /** Calls `start(const ltx_callbacks *)`, a function of the C interface; from then on the library owns them, also when that fails. */
  template <class Start> auto hand_over(Start &&start) {
    const ltx_callbacks given = std::exchange(raw_, ltx_callbacks());
    return std::forward<Start>(start)(given.size == 0 ? nullptr : &given);
  }

private:
  template <class OnProgress, class OnComplete> struct Block {
    OnProgress on_progress;
    OnComplete on_complete;
  };

  template <class OnProgress, class OnComplete> explicit Callbacks(Block<OnProgress, OnComplete> *block) noexcept {
    using Both = Block<OnProgress, OnComplete>;
    raw_.size = sizeof raw_;
    raw_.user_data = block;
    raw_.destroy = [](void *data) noexcept { delete static_cast<Both *>(data); };
    if constexpr (!std::is_same_v<OnProgress, detail::None>) {
      raw_.on_progress = [](void *data, ltx_op *, const ltx_op_info *info) noexcept -> std::int32_t {
        auto &function = static_cast<Both *>(data)->on_progress;
        const Progress now = detail::progress(*info);
        if constexpr (std::is_void_v<decltype(function(now))>) {
          function(now);
          return 0;
        } else {
          return function(now) ? 1 : 0;
        }
      };
    }
    if constexpr (!std::is_same_v<OnComplete, detail::None>) {
      raw_.on_complete = [](void *data, ltx_op *op, ltx_status) noexcept {
        // It has ended, so this only asks how.
        const expected<void> end = detail::call([&](ltx_error **err) { return ltx_op_wait(op, 0, err); });
        static_cast<Both *>(data)->on_complete(end);
      };
    }
  }

  ltx_callbacks raw_ = ltx_callbacks();
};

/** Work in progress, whatever it ends with. Dropping it neither ends nor cancels the work. */
template <class T> class Operation : public detail::Handle<Operation<T>, ltx_op> {
public:
  /** For a submit: the reference `intent:...`, from the moment it began. */
  std::optional<std::string> reference() const { return detail::maybe(ltx_op_ref_string(this->c_ptr())); }

  expected<Progress> try_snapshot() const {
    ltx_op_info info;
    info.size = sizeof info;
    auto told = detail::call([&](ltx_error **err) { return ltx_op_snapshot(this->c_ptr(), &info, err); });
    if (!told) {
      return told.error();
    }
    return detail::progress(info);
  }

  /** Waits without limit, then takes what was made. */
  expected<T> try_get() {
    auto ended = try_wait_ms(-1);
    if (!ended) {
      return ended.error();
    }
    return take();
  }

  /** Waits; true when it has ended well, false when the time is up. Never takes. */
  template <class Rep, class Period> expected<bool> try_wait(std::chrono::duration<Rep, Period> timeout) {
    return try_wait_ms(detail::ms(timeout));
  }

  /**
   * Waits until it ends, or until `stop()` says true: it is asked on this thread, at once and then about every `interval`. True when it has ended well.
   * An exception of `stop` ends the wait and comes out here.
   */
  template <class Predicate> expected<bool> try_wait_until(Predicate &&stop, milliseconds interval = milliseconds(20)) {
    struct Asked {
      std::remove_reference_t<Predicate> *stop;
#if LTX_HAS_EXCEPTIONS
      std::exception_ptr thrown;
#endif
    };
    Asked asked{};
    asked.stop = std::addressof(stop);
    // No exception may cross the C interface: it is carried around it.
    constexpr auto ask = [](void *data) noexcept -> std::int32_t {
      auto *from = static_cast<Asked *>(data);
#if LTX_HAS_EXCEPTIONS
      try {
        return (*from->stop)() ? 1 : 0;
      } catch (...) {
        from->thrown = std::current_exception();
        return 1;
      }
#else
      return (*from->stop)() ? 1 : 0;
#endif
    };
    ltx_error *err = nullptr;
    const ltx_status status = ltx_op_wait_until(this->c_ptr(), -1, detail::ms(interval), ask, &asked, &err);
#if LTX_HAS_EXCEPTIONS
    if (asked.thrown) {
      ltx_error_free(err);
      std::rethrow_exception(asked.thrown);
    }
#endif
    return judged(status, err);
  }

  /** Asks the work to stop; it then ends with LTX_CANCELLED. The remote job goes on. From any thread. */
  void cancel() const noexcept { ltx_op_cancel(this->c_ptr(), nullptr); }

  /**
   * The file of one frame of Frames::extract(), from the moment it is whole and under its name. None before that, and for other operations. Frames that were
   * there already are told when it has ended. From memory.
   */
  std::optional<std::filesystem::path> frame_path(std::size_t index) const {
    const char *path = ltx_op_frame_path(this->c_ptr(), index);
    return path == nullptr ? std::nullopt : std::optional<std::filesystem::path>(detail::path(path));
  }

  /** Another handle to the same operation. */
  Operation share() const noexcept { return Operation::adopt(ltx_op_ref(this->c_ptr())); }

#if LTX_HAS_EXCEPTIONS
  Progress snapshot() const { return try_snapshot().value(); }
  T get() { return try_get().value(); }
  template <class Rep, class Period> bool wait(std::chrono::duration<Rep, Period> timeout) { return try_wait(timeout).value(); }
  /**
   * The same as a std::future, for code that takes one; this object stays usable, but what was made is taken by the first. It is a deferred one: no thread
   * is started for it, get() and wait() wait on the thread that calls them, and wait_for() always says std::future_status::deferred. Dropping it waits for
   * nothing.
   */
  std::future<T> future() const {
    return std::async(std::launch::deferred, [op = share()]() mutable { return op.get(); });
  }
  template <class Predicate> bool wait_until(Predicate &&stop, milliseconds interval = milliseconds(20)) {
    return try_wait_until(std::forward<Predicate>(stop), interval).value();
  }
#endif

private:
  friend class detail::Handle<Operation<T>, ltx_op>;
  Operation() noexcept = default;

  static expected<bool> judged(ltx_status status, ltx_error *err) {
    if (status == LTX_OK || status == LTX_PENDING || status == LTX_STOPPED) {
      return status == LTX_OK;
    }
    return Error::adopt(status, err);
  }

  expected<bool> try_wait_ms(std::int64_t timeout_ms) {
    ltx_error *err = nullptr;
    const ltx_status status = ltx_op_wait(this->c_ptr(), timeout_ms, &err);
    return judged(status, err);
  }

  expected<T> take();
};

/** The files a download left, also those that were there already. */
class Saved : public detail::Handle<Saved, ltx_saved> {
public:
  std::vector<std::filesystem::path> paths() const {
    std::vector<std::filesystem::path> all;
    const std::size_t count = ltx_saved_count(c_ptr());
    all.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      all.push_back(detail::path(ltx_saved_path(c_ptr(), index)));
    }
    return all;
  }
  std::uint64_t bytes() const noexcept { return ltx_saved_bytes(c_ptr()); }

private:
  friend class detail::Handle<Saved, ltx_saved>;
  Saved() noexcept = default;
};

/** How a result is saved. */
struct DownloadOptions {
  /** Labels of the outputs to save; all of them when missing. */
  std::optional<std::vector<std::string>> only;
  Archive archive = Archive::unpack;
  Verify verify = Verify::when_offered;
  bool overwrite = false;
  /** Names for frames, for example "sh010.{frame:04}.exr". */
  std::optional<std::string> frame_name;
  std::optional<std::int64_t> first_frame;
  /** Connections for one file, 1 to 64; the client's setting when missing. */
  std::optional<std::int32_t> connections;
  /** Bytes per second, for all connections together. */
  std::optional<std::uint64_t> bandwidth;
  /** Whether to go on with what an interrupted download left beside its target, and to leave such for the next. */
  bool resume = true;
  /** How long to wait for a file that somebody else is fetching to the same place, before LTX_LOCKED; without limit when missing. */
  std::optional<milliseconds> lock_timeout;
};

/** How the frames of a result are opened. */
struct FramesOptions {
  /** The output to open; the one that looks like an archive of frames when missing. */
  std::optional<std::string> label;
  /** A directory for the archive, should the storage answer no ranges; LTX_UNSUPPORTED when missing. The file there goes with the list. */
  std::optional<std::filesystem::path> spool;
  /** Bytes per second, felt where the archive is fetched whole. */
  std::optional<std::uint64_t> bandwidth;
};

/** How frames are saved. */
struct ExtractOptions {
  /** The index of the first frame to save. */
  std::size_t from = 0;
  /** How many; 0 is all from there on. */
  std::size_t count = 0;
  /** Names for frames, for example "sh010.{frame:04}.exr". */
  std::optional<std::string> frame_name;
  /** The number of the archive's first frame in these names. */
  std::optional<std::int64_t> first_frame;
  bool overwrite = false;
  /** Connections, 1 to 64; the client's setting when missing. */
  std::optional<std::int32_t> connections;
  /** Bytes per second, for all connections together. */
  std::optional<std::uint64_t> bandwidth;
};

/** How frames are streamed. */
struct StreamOptions {
  /** The index of the first frame. */
  std::size_t from = 0;
  /** How many; 0 is all from there on. */
  std::size_t count = 0;
  /** Bytes of frames that may wait to be taken, or be on their way; 24 MiB when missing. */
  std::optional<std::uint64_t> budget;
  /** Connections, 1 to 64; the client's setting when missing. */
  std::optional<std::int32_t> connections;
  /** Bytes per second, for all connections together. */
  std::optional<std::uint64_t> bandwidth;
};

/** Bytes in memory: one frame, an EXR file, whole and checked. Depends on nothing else. */
class Buffer : public detail::Handle<Buffer, ltx_buffer> {
public:
  const std::uint8_t *data() const noexcept { return ltx_buffer_data(c_ptr()); }
  std::size_t size() const noexcept { return ltx_buffer_size(c_ptr()); }
  const std::uint8_t *begin() const noexcept { return data(); }
  const std::uint8_t *end() const noexcept { return data() + size(); }

private:
  friend class detail::Handle<Buffer, ltx_buffer>;
  Buffer() noexcept = default;
};

/** A frame in memory, and its place in the list it came from: `frames[frame.index].name`. */
struct Frame {
  std::size_t index;
  Buffer bytes;
};

/**
 * Frames that come into memory one after the other, in order, while the archive is still arriving. Dropping the last handle ends the fetching.
 *
 *     for (const ltx::Frame &frame : frames.stream()) { show(frame.index, frame.bytes.data(), frame.bytes.size()); }
 *
 * Several threads may take frames, each of which goes to one of them; cancel() is for any thread.
 */
class FrameStream : public detail::Handle<FrameStream, ltx_frame_stream> {
public:
  /** Waits for the next frame without limit; none when all were taken. */
  expected<std::optional<Frame>> try_next() { return taken(-1); }

  /** Waits for the next frame; none when none came in that time, or all were taken: ended() tells which. Zero only looks. */
  template <class Rep, class Period> expected<std::optional<Frame>> try_next(std::chrono::duration<Rep, Period> timeout) {
    return taken(detail::ms(timeout));
  }

  /** Whether a reader was told the end, of whatever kind. */
  bool ended() const noexcept {
    ltx_op_info info;
    info.size = sizeof info;
    return ltx_frame_stream_snapshot(c_ptr(), &info, nullptr) != LTX_OK || info.outcome != LTX_PENDING;
  }

  /** How far the fetching is, from memory. A frame counts when it is ready to be taken. */
  expected<Progress> try_snapshot() const {
    ltx_op_info info;
    info.size = sizeof info;
    auto told = detail::call([&](ltx_error **err) { return ltx_frame_stream_snapshot(c_ptr(), &info, err); });
    if (!told) {
      return told.error();
    }
    return detail::progress(info);
  }

  /** Ends the fetching; whoever waits for a frame is back with LTX_CANCELLED at once. From any thread. */
  void cancel() const noexcept { ltx_frame_stream_cancel(c_ptr(), nullptr); }

  /** Another handle to the same stream. */
  FrameStream share() const noexcept { return FrameStream::adopt(ltx_frame_stream_ref(c_ptr())); }

#if LTX_HAS_EXCEPTIONS
  std::optional<Frame> next() { return try_next().value(); }
  template <class Rep, class Period> std::optional<Frame> next(std::chrono::duration<Rep, Period> timeout) { return try_next(timeout).value(); }
  Progress snapshot() const { return try_snapshot().value(); }

  /** The end of the frames that come. */
  struct sentinel {};

  /** Goes over the frames as they come: moving on waits for the next one, and throws what went wrong. Each frame may be moved out. */
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Frame;
    using difference_type = std::ptrdiff_t;
    using pointer = Frame *;
    using reference = Frame &;

    explicit iterator(FrameStream &from) : from_(&from), frame_(from.next()) {}
    Frame &operator*() noexcept { return *frame_; }
    Frame *operator->() noexcept { return &*frame_; }
    iterator &operator++() {
      frame_ = from_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator &at, sentinel) noexcept { return !at.frame_; }
    friend bool operator!=(const iterator &at, sentinel) noexcept { return at.frame_.has_value(); }

  private:
    FrameStream *from_;
    std::optional<Frame> frame_;
  };

  iterator begin() { return iterator(*this); }
  sentinel end() const noexcept { return {}; }
#endif

private:
  friend class detail::Handle<FrameStream, ltx_frame_stream>;
  FrameStream() noexcept = default;

  expected<std::optional<Frame>> taken(std::int64_t timeout_ms) {
    std::size_t index = 0;
    ltx_buffer *buffer = nullptr;
    ltx_error *err = nullptr;
    const ltx_status status = ltx_frame_stream_next(c_ptr(), timeout_ms, &index, &buffer, &err);
    if (status == LTX_OK) {
      return std::optional<Frame>(Frame{index, Buffer::adopt(buffer)});
    }
    if (status == LTX_PENDING || status == LTX_END) {
      return std::optional<Frame>();
    }
    return Error::adopt(status, err);
  }
};

/** What is known of a frame without fetching it. */
struct FrameInfo {
  /** In the archive, without folders. Lives as long as the list. */
  std::string_view name;
  /** The number in its name. */
  std::optional<std::int64_t> number;
  /** Bytes, unpacked. */
  std::uint64_t size;
};

/** The EXR frames of a result as a list, in the order of their numbers. Holds names and sizes, and no frame. Nothing about it is billed. */
class Frames : public detail::Handle<Frames, ltx_frames> {
public:
  /** The service's label of the output they come from. */
  std::string label() const { return detail::text(ltx_frames_label(c_ptr())); }
  std::size_t size() const noexcept { return ltx_frames_count(c_ptr()); }
  bool empty() const noexcept { return size() == 0; }

  /** What is known of a frame; `index` is less than size(). */
  FrameInfo operator[](std::size_t index) const noexcept {
    const char *name = ltx_frames_name(c_ptr(), index);
    const std::int64_t number = ltx_frames_number(c_ptr(), index);
    return FrameInfo{name == nullptr ? std::string_view() : std::string_view(name),
                     number < 0 ? std::nullopt : std::optional<std::int64_t>(number), ltx_frames_size(c_ptr(), index)};
  }

  /** The index of the frame with this number, of the first one should several have it. */
  std::optional<std::size_t> find_number(std::int64_t number) const noexcept {
    const std::int64_t index = ltx_frames_find_number(c_ptr(), number);
    return index < 0 ? std::nullopt : std::optional<std::size_t>(static_cast<std::size_t>(index));
  }

  /** Goes over what is known of the frames; fetches none. */
  class const_iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = FrameInfo;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = FrameInfo;

    const_iterator(const Frames &list, std::size_t at) noexcept : list_(&list), at_(at) {}
    FrameInfo operator*() const noexcept { return (*list_)[at_]; }
    const_iterator &operator++() noexcept {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) noexcept { return const_iterator(*list_, at_++); }
    friend bool operator==(const const_iterator &one, const const_iterator &other) noexcept { return one.at_ == other.at_; }
    friend bool operator!=(const const_iterator &one, const const_iterator &other) noexcept { return one.at_ != other.at_; }

  private:
    const Frames *list_;
    std::size_t at_;
  };
  using iterator = const_iterator;

  const_iterator begin() const noexcept { return const_iterator(*this, 0); }
  const_iterator end() const noexcept { return const_iterator(*this, size()); }

  /** Starts reading one frame into memory with a request of its own. Never blocks. */
  expected<Operation<Buffer>> try_read(std::size_t index, Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<Buffer>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_frames_read(c_ptr(), index, given, op, err); });
    });
  }

  /**
   * Starts saving frames into a directory, each under its final name the moment it is whole; Operation::frame_path() tells which are there. Frames that are
   * there already are not fetched. Never blocks.
   */
  expected<Operation<Saved>> try_extract(const std::filesystem::path &dest, const ExtractOptions &options = ExtractOptions(),
                                         Callbacks callbacks = Callbacks()) const {
    ltx_extract_options raw = {};
    raw.size = sizeof raw;
    raw.from = options.from;
    raw.count = options.count;
    raw.frame_name = options.frame_name ? options.frame_name->c_str() : nullptr;
    raw.first_frame = options.first_frame.value_or(0);
    raw.has_first_frame = options.first_frame ? 1 : 0;
    raw.overwrite = options.overwrite ? 1 : 0;
    raw.bandwidth = options.bandwidth.value_or(0);
    raw.connections = options.connections.value_or(0);
    const std::string where = detail::bytes(dest);
    return detail::make<Operation<Saved>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_frames_extract(c_ptr(), where.c_str(), &raw, given, op, err); });
    });
  }

  /** Starts fetching frames into memory, in order, ahead of whoever takes them as far as the budget goes. Never blocks. */
  expected<FrameStream> try_stream(const StreamOptions &options = StreamOptions()) const {
    ltx_stream_options raw = {};
    raw.size = sizeof raw;
    raw.from = options.from;
    raw.count = options.count;
    raw.budget = options.budget.value_or(0);
    raw.bandwidth = options.bandwidth.value_or(0);
    raw.connections = options.connections.value_or(0);
    return detail::make<FrameStream>([&](ltx_frame_stream **stream, ltx_error **err) { return ltx_frames_stream(c_ptr(), &raw, stream, err); });
  }

#if LTX_HAS_EXCEPTIONS
  Operation<Buffer> read(std::size_t index, Callbacks callbacks = Callbacks()) const { return try_read(index, std::move(callbacks)).value(); }
  Operation<Saved> extract(const std::filesystem::path &dest, const ExtractOptions &options = ExtractOptions(), Callbacks callbacks = Callbacks()) const {
    return try_extract(dest, options, std::move(callbacks)).value();
  }
  FrameStream stream(const StreamOptions &options = StreamOptions()) const { return try_stream(options).value(); }
#endif

private:
  friend class detail::Handle<Frames, ltx_frames>;
  Frames() noexcept = default;
};

/** One output of a completed job. */
struct Output {
  std::string label;
  /** Signed: whoever has it can read the file until it expires. */
  std::string url;
};

/** What a completed job left. */
class Result : public detail::Handle<Result, ltx_result> {
public:
  std::vector<Output> outputs() const {
    std::vector<Output> all;
    const std::size_t count = ltx_result_count(c_ptr());
    all.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      all.push_back(Output{detail::text(ltx_result_label(c_ptr(), index)), detail::text(ltx_result_url(c_ptr(), index))});
    }
    return all;
  }

  /** Starts saving the outputs into a directory. Never blocks. */
  expected<Operation<Saved>> try_download(const std::filesystem::path &dest, const DownloadOptions &options = DownloadOptions(),
                                          Callbacks callbacks = Callbacks()) const {
    ltx_download_options raw = {};
    raw.size = sizeof raw;
    std::vector<const char *> only;
    // Something to point at also when no label is given: that is another wish than "all".
    only.reserve(options.only ? options.only->size() + 1 : 0);
    if (options.only) {
      for (const std::string &label : *options.only) {
        only.push_back(label.c_str());
      }
      only.push_back(nullptr);
      raw.only = only.data();
      raw.only_count = options.only->size();
    }
    raw.archive = static_cast<std::int32_t>(options.archive);
    raw.verify = static_cast<std::int32_t>(options.verify);
    raw.overwrite = options.overwrite ? 1 : 0;
    raw.has_first_frame = options.first_frame ? 1 : 0;
    raw.first_frame = options.first_frame.value_or(0);
    raw.frame_name = options.frame_name ? options.frame_name->c_str() : nullptr;
    raw.connections = options.connections.value_or(0);
    raw.no_resume = options.resume ? 0 : 1;
    raw.bandwidth = options.bandwidth.value_or(0);
    raw.has_lock_timeout = options.lock_timeout ? 1 : 0;
    raw.lock_timeout_ms = options.lock_timeout ? detail::ms(*options.lock_timeout) : 0;
    const std::string where = detail::bytes(dest);
    return detail::make<Operation<Saved>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_result_download(c_ptr(), where.c_str(), &raw, given, op, err); });
    });
  }

  /** Starts opening the archive of EXR frames where it lies, as a list; fetches no frame. Never blocks. */
  expected<Operation<Frames>> try_frames(const FramesOptions &options = FramesOptions(), Callbacks callbacks = Callbacks()) const {
    ltx_frames_options raw = {};
    raw.size = sizeof raw;
    raw.label = options.label ? options.label->c_str() : nullptr;
    const std::string spool = options.spool ? detail::bytes(*options.spool) : std::string();
    raw.spool = options.spool ? spool.c_str() : nullptr;
    raw.bandwidth = options.bandwidth.value_or(0);
    return detail::make<Operation<Frames>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_result_frames(c_ptr(), &raw, given, op, err); });
    });
  }

#if LTX_HAS_EXCEPTIONS
  /** Opens and waits for it. */
  Frames frames(const FramesOptions &options = FramesOptions()) const;
  Operation<Saved> download(const std::filesystem::path &dest, const DownloadOptions &options = DownloadOptions(), Callbacks callbacks = Callbacks()) const {
    return try_download(dest, options, std::move(callbacks)).value();
  }
#endif

private:
  friend class detail::Handle<Result, ltx_result>;
  Result() noexcept = default;
};

/** A job on the service. Dropping it changes nothing there. */
class Job : public detail::Handle<Job, ltx_job> {
public:
  /** For a project file; Client::job() takes it. */
  std::string reference() const { return detail::text(ltx_job_ref_string(c_ptr())); }
  std::string endpoint() const { return detail::text(ltx_job_endpoint(c_ptr())); }
  std::string id() const { return detail::text(ltx_job_id(c_ptr())); }
  /** The label given at submit, as far as it is known here. */
  std::optional<std::string> label() const { return detail::maybe(ltx_job_label(c_ptr())); }
  /** Another handle to the same job. */
  Job share() const noexcept { return Job::adopt(ltx_job_ref(c_ptr())); }

  expected<Snapshot> try_snapshot() const {
    ltx_job_info info;
    info.size = sizeof info;
    auto told = detail::call([&](ltx_error **err) { return ltx_job_snapshot(c_ptr(), &info, err); });
    if (!told) {
      return told.error();
    }
    using point = std::chrono::system_clock::time_point;
    const auto at = [](std::int64_t ms) { return ms < 0 ? std::nullopt : std::optional<point>(detail::since_epoch(ms)); };
    return Snapshot{info.status,
                    std::string(info.status_word),
                    info.ended != 0,
                    at(info.created_at_ms),
                    at(info.last_contact_ms),
                    at(info.unreachable_since_ms),
                    warnings()};
  }

  /** Starts one look at the service. Never blocks. */
  expected<Operation<void>> try_poll(Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<void>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_job_poll(c_ptr(), given, op, err); });
    });
  }

  /** Starts waiting for the job's end. Never blocks. */
  expected<Operation<Result>> try_wait_start(Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<Result>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_job_wait(c_ptr(), given, op, err); });
    });
  }

  /** Waits for the job's end without limit. */
  expected<Result> try_wait() const { return finished(-1); }

  /** Waits for the job's end; LTX_WAIT_TIMEOUT when the time is up. The job goes on. */
  template <class Rep, class Period> expected<Result> try_wait(std::chrono::duration<Rep, Period> timeout) const {
    return finished(detail::ms(timeout));
  }

#if LTX_HAS_EXCEPTIONS
  Snapshot snapshot() const { return try_snapshot().value(); }
  Operation<void> poll(Callbacks callbacks = Callbacks()) const { return try_poll(std::move(callbacks)).value(); }
  Operation<Result> wait_start(Callbacks callbacks = Callbacks()) const { return try_wait_start(std::move(callbacks)).value(); }
  Result wait() const { return try_wait().value(); }
  template <class Rep, class Period> Result wait(std::chrono::duration<Rep, Period> timeout) const { return try_wait(timeout).value(); }
#endif

private:
  friend class detail::Handle<Job, ltx_job>;
  Job() noexcept = default;

  std::vector<std::string> warnings() const {
    std::vector<std::string> all;
    const std::size_t count = ltx_job_warning_count(c_ptr());
    all.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
      all.push_back(detail::text(ltx_job_warning(c_ptr(), index)));
    }
    return all;
  }

  expected<Result> finished(std::int64_t timeout_ms) const {
    auto op = detail::make<Operation<Result>>(
        [&](ltx_op **raw, ltx_error **err) { return ltx_job_wait_for(c_ptr(), timeout_ms, nullptr, raw, err); });
    if (!op) {
      return op.error();
    }
    return op->try_get();
  }
};

/** One submit in the journal. */
struct JournaledSubmit {
  /** `intent:...` */
  std::string intent;
  /** The job it became, when that is known. */
  std::optional<std::string> job;
  std::string endpoint;
  std::optional<std::string> label, once;
  std::chrono::system_clock::time_point began_at;
  Fate fate;
  /** How the job ended, when that was seen: LTX_STATE_COMPLETED, LTX_STATE_FAILED; else LTX_STATE_UNKNOWN. */
  std::int32_t ended;
  bool saved;
  /** Submitted with another API key; such a job cannot be asked for. */
  bool other_key;
  /** For the vendor's support, where the outcome is unknown or the job's id is lost. */
  std::optional<std::string> request_id;
  /** Attempts of unknown outcome that nobody has settled: each may have created a job. */
  std::uint32_t doubts;
  /** The directory its outputs are meant to go to, as given at submit; an absolute path. */
  std::optional<std::string> dest;
  /** Its estimate, US dollars as a decimal ("2.50"), where one was made for a limit. */
  std::optional<std::string> usd;
};

/** What an earlier run left behind. */
struct Recovered {
  /** Jobs to wait for and to fetch, oldest first. */
  std::vector<Job> jobs;
  /** Submits whose outcome, or whose job's id, nobody knows: look at the account, then settle each with Client::resolve(). */
  std::vector<JournaledSubmit> unknown;
  /** Jobs of another API key. */
  std::vector<JournaledSubmit> other_key;
};

namespace detail {

inline std::vector<JournaledSubmit> list(const ltx_submits *raw) {
  std::vector<JournaledSubmit> all;
  const std::size_t count = ltx_submits_count(raw);
  all.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    all.push_back(JournaledSubmit{text(ltx_submits_intent(raw, index)), maybe(ltx_submits_job(raw, index)), text(ltx_submits_endpoint(raw, index)),
                                  maybe(ltx_submits_label(raw, index)), maybe(ltx_submits_once(raw, index)), since_epoch(ltx_submits_began_at(raw, index)),
                                  static_cast<Fate>(ltx_submits_fate(raw, index)), ltx_submits_ended(raw, index), ltx_submits_is_saved(raw, index),
                                  ltx_submits_is_other_key(raw, index), maybe(ltx_submits_request_id(raw, index)), ltx_submits_doubts(raw, index),
                                  maybe(ltx_submits_dest(raw, index)), maybe(ltx_submits_usd(raw, index))});
  }
  return all;
}

} // namespace detail

template <> inline expected<std::vector<JournaledSubmit>> Operation<std::vector<JournaledSubmit>>::take() {
  ltx_submits *raw = nullptr;
  auto taken = detail::call([&](ltx_error **err) { return ltx_op_take_submits(c_ptr(), &raw, err); });
  if (!taken) {
    return taken.error();
  }
  const detail::Owned<ltx_submits> owned(raw);
  return detail::list(raw);
}

template <> inline expected<Recovered> Operation<Recovered>::take() {
  ltx_recovered *raw = nullptr;
  auto taken = detail::call([&](ltx_error **err) { return ltx_op_take_recovered(c_ptr(), &raw, err); });
  if (!taken) {
    return taken.error();
  }
  const detail::Owned<ltx_recovered> owned(raw);
  Recovered found{{}, detail::list(ltx_recovered_unknown(raw)), detail::list(ltx_recovered_other_key(raw))};
  const std::size_t count = ltx_recovered_job_count(raw);
  found.jobs.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    auto job = detail::make<Job>([&](ltx_job **out, ltx_error **err) { return ltx_recovered_job(raw, index, out, err); });
    if (!job) {
      return job.error();
    }
    found.jobs.push_back(*std::move(job));
  }
  return expected<Recovered>(std::move(found));
}

template <> inline expected<Estimate> Operation<Estimate>::take() {
  ltx_estimate *raw = nullptr;
  auto taken = detail::call([&](ltx_error **err) { return ltx_op_take_estimate(c_ptr(), &raw, err); });
  if (!taken) {
    return taken.error();
  }
  const detail::Owned<ltx_estimate> owned(raw);
  return Estimate{detail::text(ltx_estimate_usd(raw)), detail::text(ltx_estimate_basis(raw))};
}

template <> inline expected<Job> Operation<Job>::take() {
  return detail::make<Job>([&](ltx_job **job, ltx_error **err) { return ltx_op_take_job(c_ptr(), job, err); });
}

template <> inline expected<Result> Operation<Result>::take() {
  return detail::make<Result>([&](ltx_result **result, ltx_error **err) { return ltx_op_take_result(c_ptr(), result, err); });
}

template <> inline expected<Saved> Operation<Saved>::take() {
  return detail::make<Saved>([&](ltx_saved **saved, ltx_error **err) { return ltx_op_take_saved(c_ptr(), saved, err); });
}

template <> inline expected<Frames> Operation<Frames>::take() {
  return detail::make<Frames>([&](ltx_frames **frames, ltx_error **err) { return ltx_op_take_frames(c_ptr(), frames, err); });
}

template <> inline expected<Buffer> Operation<Buffer>::take() {
  return detail::make<Buffer>([&](ltx_buffer **buffer, ltx_error **err) { return ltx_op_take_buffer(c_ptr(), buffer, err); });
}

#if LTX_HAS_EXCEPTIONS
inline Frames Result::frames(const FramesOptions &options) const { return try_frames(options).value().get(); }
#endif

template <> inline expected<std::string> Operation<std::string>::take() {
  const char *uri = nullptr;
  auto taken = detail::call([&](ltx_error **err) { return ltx_op_take_uri(c_ptr(), &uri, err); });
  if (!taken) {
    return taken.error();
  }
  return detail::text(uri);
}

/** How a part was found. */
enum class FindingState : std::int32_t {
  ok = LTX_FOUND_OK,
  /** It works, but should be looked at. */
  warning = LTX_FOUND_WARNING,
  failed = LTX_FOUND_FAILED,
  /** Nobody can tell, because something before it failed. */
  skipped = LTX_FOUND_SKIPPED
};

/** What a check found about one part. */
struct Finding {
  /** "proxy", "certificates", "api", "key", "clock", "journal", "storage" */
  std::string what;
  FindingState state;
  /** In words, for people; without credentials. */
  std::string detail;
  std::optional<milliseconds> elapsed;
  /** What went wrong, when it failed; else LTX_OK. */
  ltx_status status;
};

/** A setting with its value, the API key as "***", and where that came from: "default", "argument", "environment LTX_PROXY". */
struct Setting {
  std::string key, value, origin;
};

/** What a check found. */
struct Checked {
  std::vector<Finding> findings;
  std::vector<Setting> settings;
  /** The service's id of the request. */
  std::optional<std::string> request_id;
  /** All of it for people, a line for each setting and finding. */
  std::string text;
};

/** What a check found, also when it ended with what was found wrong. Once; after it has ended. */
inline expected<Checked> try_report(const Operation<Checked> &ended) {
  ltx_checked *raw = nullptr;
  auto taken = detail::call([&](ltx_error **err) { return ltx_op_take_checked(ended.c_ptr(), &raw, err); });
  if (!taken) {
    return taken.error();
  }
  const detail::Owned<ltx_checked> owned(raw);
  Checked found{{}, {}, detail::maybe(ltx_checked_request_id(raw)), detail::text(ltx_checked_text(raw))};
  const std::size_t count = ltx_checked_count(raw), settings = ltx_checked_setting_count(raw);
  found.findings.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    const std::int64_t elapsed = ltx_checked_elapsed_ms(raw, index);
    found.findings.push_back(Finding{detail::text(ltx_checked_what(raw, index)), static_cast<FindingState>(ltx_checked_state(raw, index)),
                                     detail::text(ltx_checked_detail(raw, index)),
                                     elapsed < 0 ? std::nullopt : std::optional<milliseconds>(milliseconds(elapsed)), ltx_checked_status(raw, index)});
  }
  found.settings.reserve(settings);
  for (std::size_t index = 0; index < settings; ++index) {
    found.settings.push_back(Setting{detail::text(ltx_checked_setting_key(raw, index)), detail::text(ltx_checked_setting_value(raw, index)),
                                     detail::text(ltx_checked_setting_origin(raw, index))});
  }
  return expected<Checked>(std::move(found));
}

template <> inline expected<Checked> Operation<Checked>::take() { return try_report(*this); }

template <> inline expected<void> Operation<void>::take() { return {}; }

/** A request to any endpoint; fields have the service's own names. Setters never fail before the submit tells what was wrong. */
class Request : public detail::Handle<Request, ltx_request> {
public:
  static expected<Request> try_make(std::string_view endpoint) {
    const std::string name(endpoint);
    return detail::make<Request>([&](ltx_request **request, ltx_error **err) { return ltx_request_new(name.c_str(), request, err); });
  }

#if LTX_HAS_EXCEPTIONS
  /** Throws LTX_INVALID_REQUEST for what can be no endpoint. */
  explicit Request(std::string_view endpoint) : Request(try_make(endpoint).value()) {}
#endif

  Request &set(std::string_view field, std::string_view value) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_string(c_ptr(), name, std::string(value).c_str(), err); }, field);
  }
  Request &set(std::string_view field, const char *value) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_string(c_ptr(), name, value, err); }, field);
  }
  Request &set(std::string_view field, bool value) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_bool(c_ptr(), name, value, err); }, field);
  }
  Request &set(std::string_view field, double value) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_double(c_ptr(), name, value, err); }, field);
  }
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>, int> = 0>
  Request &set(std::string_view field, Integer value) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_int(c_ptr(), name, static_cast<std::int64_t>(value), err); }, field);
  }
  Request &set_null(std::string_view field) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_null(c_ptr(), name, err); }, field);
  }
  Request &set_json(std::string_view field, std::string_view json) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_json(c_ptr(), name, std::string(json).c_str(), err); }, field);
  }
  /** A local file, uploaded before the submit. */
  Request &media_file(std::string_view field, const std::filesystem::path &path) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_media_file(c_ptr(), name, detail::bytes(path).c_str(), err); }, field);
  }
  /** Bytes in memory, copied now, uploaded before the submit. */
  Request &media_bytes(std::string_view field, const void *data, std::size_t size) {
    return put(
        [&](const char *name, ltx_error **err) {
          return ltx_request_set_media_bytes(c_ptr(), name, static_cast<const std::uint8_t *>(data), size, err);
        },
        field);
  }
  /** An address: https, data: or ltx://uploads/. */
  Request &media_url(std::string_view field, std::string_view url) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_media_url(c_ptr(), name, std::string(url).c_str(), err); }, field);
  }
  /** The same key with the same request gives the same job, however often it is submitted. */
  Request &once(std::string_view key) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_once(c_ptr(), name, err); }, key);
  }
  /** A name for people. */
  Request &label(std::string_view label) {
    return put([&](const char *name, ltx_error **err) { return ltx_request_set_label(c_ptr(), name, err); }, label);
  }
  /** Where the outputs are meant to go: a directory, which is written down with the submit. Nothing is saved by it. */
  Request &dest(std::string_view directory) {
    return put([&](const char *where, ltx_error **err) { return ltx_request_set_dest(c_ptr(), where, err); }, directory);
  }
  /**
   * The most the submit may cost, US dollars as a decimal ("2.50"): it is refused with LTX_COST_LIMIT before anything is sent when its estimate is above
   * that, or when none can be made. An empty text is an error.
   */
  Request &max_cost(std::string_view usd) {
    return put([&](const char *amount, ltx_error **err) { return ltx_request_set_max_cost(c_ptr(), amount, err); }, usd);
  }
  /** Another path than /v2/ and the endpoint, for the day the service renames one. */
  Request &path(std::string_view path) {
    return put([&](const char *where, ltx_error **err) { return ltx_request_set_path(c_ptr(), where, err); }, path);
  }
  /** Limits the submit, uploads and waiting for a place included. */
  template <class Rep, class Period> Request &timeout(std::chrono::duration<Rep, Period> limit) {
    return put([&](const char *, ltx_error **err) { return ltx_request_set_timeout_ms(c_ptr(), detail::ms(limit), err); }, {});
  }
  Request &on_unknown(OnUnknown wish) {
    return put([&](const char *, ltx_error **err) { return ltx_request_set_on_unknown(c_ptr(), static_cast<std::int32_t>(wish), err); }, {});
  }

  /** The first thing that was wrong with what was set; a submit tells it too. */
  const std::optional<Error> &wrong() const noexcept { return wrong_; }

private:
  friend class detail::Handle<Request, ltx_request>;
  Request() noexcept = default;

  template <class Function> Request &put(Function &&function, std::string_view name) {
    const std::string text(name);
    auto done = detail::call([&](ltx_error **err) { return function(text.c_str(), err); });
    if (!done && !wrong_) {
      wrong_ = done.error();
    }
    return *this;
  }

  std::optional<Error> wrong_;
};

/** Settings of a client. What is not set is taken from the environment. */
class Config : public detail::Handle<Config, ltx_config> {
public:
  Config() noexcept { raw_.reset(ltx_config_new()); }

  /** Sets one setting from its text, for example ("poll_interval", "5"). */
  expected<void> try_set(std::string_view key, std::string_view value) {
    const std::string name(key), text(value);
    return detail::call([&](ltx_error **err) { return ltx_config_set(c_ptr(), name.c_str(), text.c_str(), err); });
  }

#if LTX_HAS_EXCEPTIONS
  Config &set(std::string_view key, std::string_view value) {
    try_set(key, value).value();
    return *this;
  }
#endif

private:
  friend class detail::Handle<Config, ltx_config>;
};

/** A client of the service. Opens no socket and starts no thread before its first operation. */
class Client : public detail::Handle<Client, ltx_client> {
public:
  static expected<Client> try_make(const Config &config = Config()) {
    if (ltx_abi_version() != LTX_ABI_VERSION) {
      return Error(LTX_UNSUPPORTED, "the loaded ltx_jobs library (" + detail::text(ltx_version()) + ") does not fit the header " LTX_VERSION);
    }
    return detail::make<Client>([&](ltx_client **client, ltx_error **err) { return ltx_client_new(config.c_ptr(), client, err); });
  }

#if LTX_HAS_EXCEPTIONS
  explicit Client(const Config &config) : Client(try_make(config).value()) {}
  /** As the environment says. */
  static Client from_environment() { return try_make().value(); }
#endif

  /** Submits. **Billed** if the job succeeds. Never blocks. */
  expected<Operation<Job>> try_submit(const Request &request, Callbacks callbacks = Callbacks()) const {
    if (request.wrong()) {
      return *request.wrong();
    }
    return detail::make<Operation<Job>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_submit(c_ptr(), request.c_ptr(), given, op, err); });
    });
  }

  /** What a request would cost. Looks into its local inputs, sends nothing, costs nothing, never blocks. LTX_UNSUPPORTED when no estimate can be made. */
  expected<Operation<Estimate>> try_estimate(const Request &request, Callbacks callbacks = Callbacks()) const {
    if (request.wrong()) {
      return *request.wrong();
    }
    return detail::make<Operation<Estimate>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_estimate(c_ptr(), request.c_ptr(), given, op, err); });
    });
  }

  /** US dollars, as a decimal, that this client has committed itself to; counted while spend_limit is set. From memory. */
  expected<std::string> try_committed() const {
    char usd[LTX_USD_SIZE];
    auto told = detail::call([&](ltx_error **err) { return ltx_client_committed(c_ptr(), usd, sizeof usd, err); });
    if (!told) {
      return told.error();
    }
    return std::string(usd);
  }

  /** What this client has done: submits, jobs, polls, retries, bytes, money. From memory, also when it is closed. */
  expected<Counters> try_counters() const {
    ltx_counters raw;
    raw.size = sizeof raw;
    auto told = detail::call([&](ltx_error **err) { return ltx_client_counters(c_ptr(), &raw, err); });
    if (!told) {
      return told.error();
    }
    return detail::counters(raw);
  }

  /** A job by its reference; asks nobody. */
  expected<Job> try_job(std::string_view reference) const {
    const std::string text(reference);
    return detail::make<Job>([&](ltx_job **job, ltx_error **err) { return ltx_client_job(c_ptr(), text.c_str(), job, err); });
  }

  /** Uploads a local file; gives its ltx://uploads/ address. Never blocks. */
  expected<Operation<std::string>> try_upload(const std::filesystem::path &path, Callbacks callbacks = Callbacks()) const {
    const std::string where = detail::bytes(path);
    return detail::make<Operation<std::string>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_upload(c_ptr(), where.c_str(), given, op, err); });
    });
  }

  /**
   * A look at everything a submit needs, for nothing: proxy, certificates, address, key, clock, journal, storage. Never blocks. Ends with what keeps jobs from
   * being submitted or waited for, if there is such; try_report() gives all that was found then too.
   */
  expected<Operation<Checked>> try_check(Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<Checked>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_check(c_ptr(), given, op, err); });
    });
  }

  /** Every submit to this service that the journal knows, oldest first. Asks nobody and never blocks. */
  expected<Operation<std::vector<JournaledSubmit>>> try_jobs(Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<std::vector<JournaledSubmit>>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_jobs(c_ptr(), given, op, err); });
    });
  }

  /** What an earlier run left behind. Asks nobody, bills nothing, never blocks. */
  expected<Operation<Recovered>> try_recover(Callbacks callbacks = Callbacks()) const {
    return detail::make<Operation<Recovered>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over([&](const ltx_callbacks *given) { return ltx_client_recover(c_ptr(), given, op, err); });
    });
  }

  /** Writes down what became of a submit whose outcome was unknown: the job's reference, or none when there is no job. Never blocks. */
  expected<Operation<void>> try_resolve(std::string_view intent, const std::optional<std::string> &job, Callbacks callbacks = Callbacks()) const {
    const std::string reference(intent);
    return detail::make<Operation<void>>([&](ltx_op **op, ltx_error **err) {
      return callbacks.hand_over(
          [&](const ltx_callbacks *given) { return ltx_client_resolve(c_ptr(), reference.c_str(), job ? job->c_str() : nullptr, given, op, err); });
    });
  }

  /** Runs callbacks on this thread: waits for the first one that is due, at most `timeout`, then runs what is due. Gives how many ran, at most `max`. */
  template <class Rep, class Period> expected<std::size_t> try_dispatch(std::chrono::duration<Rep, Period> timeout, std::size_t max = 0) const {
    std::size_t count = 0;
    ltx_error *err = nullptr;
    const ltx_status status = ltx_client_dispatch(c_ptr(), detail::ms(timeout), max, &count, &err);
    if (status == LTX_OK || status == LTX_PENDING) {
      return count;
    }
    return Error::adopt(status, err);
  }

  /** What an event loop watches to know when to dispatch: a file descriptor, readable while callbacks are due. Not on Windows yet. */
  expected<std::intptr_t> try_event_handle() const {
    std::int64_t handle = -1;
    auto told = detail::call([&](ltx_error **err) { return ltx_client_event_handle(c_ptr(), &handle, err); });
    if (!told) {
      return told.error();
    }
    return static_cast<std::intptr_t>(handle);
  }

  expected<void> try_set_api_key(std::string_view key) const {
    const std::string text(key);
    return detail::call([&](ltx_error **err) { return ltx_client_set_api_key(c_ptr(), text.c_str(), err); });
  }

  /** Ends everything and joins the threads; false when some hang in the operating system and were left behind. */
  template <class Rep, class Period> expected<bool> try_close(std::chrono::duration<Rep, Period> grace) const {
    ltx_error *err = nullptr;
    const ltx_status status = ltx_client_close(c_ptr(), detail::ms(grace), &err);
    if (status == LTX_OK || status == LTX_PENDING) {
      return status == LTX_OK;
    }
    return Error::adopt(status, err);
  }

  /** Another handle to the same client. */
  Client share() const noexcept { return Client::adopt(ltx_client_ref(c_ptr())); }

#if LTX_HAS_EXCEPTIONS
  /** Submits and waits for the answer: the job exists when this returns. */
  Job submit(const Request &request) const { return try_submit(request).value().get(); }
  /** Starts a submit; its reference is there at once. */
  Operation<Job> submit_start(const Request &request, Callbacks callbacks = Callbacks()) const { return try_submit(request, std::move(callbacks)).value(); }
  /** Looks and waits for it. */
  Estimate estimate(const Request &request) const { return try_estimate(request).value().get(); }
  std::string committed() const { return try_committed().value(); }
  Counters counters() const { return try_counters().value(); }
  Job job(std::string_view reference) const { return try_job(reference).value(); }
  /** Uploads and waits. */
  std::string upload(const std::filesystem::path &path) const { return try_upload(path).value().get(); }
  /** Looks and waits. With `keep_failures` what does not work is told in the findings instead of thrown. */
  Checked check(bool keep_failures = false) const {
    Operation<Checked> looking = try_check().value();
    if (!keep_failures) {
      return looking.get();
    }
    ltx_op_wait(looking.c_ptr(), -1, nullptr);
    return try_report(looking).value();
  }
  /** Reads the journal and waits for it, as the next two do. */
  std::vector<JournaledSubmit> jobs() const { return try_jobs().value().get(); }
  Recovered recover() const { return try_recover().value().get(); }
  void resolve(std::string_view intent, const std::optional<std::string> &job) const { try_resolve(intent, job).value().get(); }
  template <class Rep, class Period> std::size_t dispatch(std::chrono::duration<Rep, Period> timeout, std::size_t max = 0) const {
    return try_dispatch(timeout, max).value();
  }
  std::intptr_t event_handle() const { return try_event_handle().value(); }
  void set_api_key(std::string_view key) const { try_set_api_key(key).value(); }
  template <class Rep, class Period> bool close(std::chrono::duration<Rep, Period> grace) const { return try_close(grace).value(); }
#endif

private:
  friend class detail::Handle<Client, ltx_client>;
  Client() noexcept = default;
};

/** How much a line of the log matters. */
enum class LogLevel : std::int32_t {
  off = LTX_LOG_OFF,
  error = LTX_LOG_ERROR,
  warn = LTX_LOG_WARN,
  info = LTX_LOG_INFO,
  debug = LTX_LOG_DEBUG,
  /** Also what the HTTP and TLS libraries inside say. */
  trace = LTX_LOG_TRACE
};

/** One line of the log. Its texts live until the function returns. */
struct LogRecord {
  LogLevel level;
  std::chrono::system_clock::time_point time;
  /** Lines that were dropped just before this one, because the function was slower than the log. */
  std::uint64_t lost;
  /** Who speaks: ltx_jobs::submit. */
  std::string_view target;
  std::string_view message;
  /** `job=video-to-video-hdr/x label="shot 10"` */
  std::string_view fields;
  /** The operations it happened in, outer ones first: `submit:upload`. */
  std::string_view spans;
};

/**
 * Hands the log of the library to `function(const LogRecord &)`, for all clients, until try_log_off() or another function. It is moved into memory of its own
 * and called on a thread of the library, one line at a time; an exception that leaves it ends the program. Inside it nothing waits. It is destroyed exactly
 * once, on the thread that replaces it or switches it off: when that returns, it does not run and never will. Switch it off before its code is unloaded.
 */
template <class Function> expected<void> try_log_to(LogLevel level, Function function) {
  constexpr auto tell = [](void *data, const ltx_log_record *record) noexcept {
    const LogRecord line{static_cast<LogLevel>(record->level), detail::since_epoch(record->time_ms), record->lost, record->target, record->message,
                         record->fields, record->spans};
    (*static_cast<Function *>(data))(line);
  };
  constexpr auto destroy = [](void *data) noexcept { delete static_cast<Function *>(data); };
  auto *kept = new Function(std::move(function));
  return detail::call([&](ltx_error **err) { return ltx_log_set(static_cast<std::int32_t>(level), tell, kept, destroy, err); });
}

/** Switches the log off; see try_log_to(). */
inline expected<void> try_log_off() {
  return detail::call([](ltx_error **err) { return ltx_log_set(LTX_LOG_OFF, nullptr, nullptr, nullptr, err); });
}

#if LTX_HAS_EXCEPTIONS
template <class Function> void log_to(LogLevel level, Function function) { try_log_to(level, std::move(function)).value(); }
inline void log_off() { try_log_off().value(); }
#endif

} // namespace v0
} // namespace ltx

#endif

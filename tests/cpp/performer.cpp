// The C++ performer: plays scenarios as a C++ program would write them. One JSON line in for each scenario, one out, until standard input ends.
//
// On the way it logs everything and tells everything, for the conductor to look for secrets in.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "json.h"
#include "ltx_jobs.hpp"
#include "told.hpp"

namespace {

std::string as_json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string text(const json *node, const char *key) {
  const char *found = json_text(json_member(node, key), nullptr);
  return found == nullptr ? std::string() : std::string(found);
}

std::vector<const json *> children(const json *node) {
  std::vector<const json *> all;
  for (const json *child = node == nullptr ? nullptr : node->child; child != nullptr; child = child->next) {
    all.push_back(child);
  }
  return all;
}

ltx::Client client_of(const json *order) {
  ltx::Config config;
  config.set("api_key", text(order, "api_key")).set("base_url", text(order, "base_url"));
  for (const json *each : children(json_member(order, "settings"))) {
    config.set(each->key, json_text(each, each->source));
  }
  return ltx::Client(config);
}

class Play {
public:
  Play(const json *order, std::ostream &told) : order_(order), told_(told), client_(client_of(order)) {}
  ~Play() { (void)close(); }
  Play(const Play &) = delete;
  Play &operator=(const Play &) = delete;

  /** Ends it; gives what the client has counted. */
  ltx::expected<ltx::Counters> close() {
    if (!closed_) {
      closed_ = true;
      told::tell(told_, client_);
      (void)client_.try_close(std::chrono::seconds(5));
    }
    return client_.try_counters();
  }

  /** Gives what came out beside what was done: members of a JSON object, each with a comma before it. */
  std::string step(const json *step) {
    std::string gave = act(step);
    if (job_) {
      told::tell(told_, *job_);
    }
    return gave;
  }

  std::vector<std::string> saved() const {
    std::vector<std::string> sorted = saved_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

private:
  std::string act(const json *step) {
    const std::string what = text(step, "do");
    if (what == "submit") {
      job_ = client_.submit(request(step));
    } else if (what == "start") {
      started_.push_back(client_.submit_start(request(step)));
    } else if (what == "queued") {
      queued();
    } else if (what == "finish") {
      if (started_.empty()) {
        throw ltx::Error(LTX_INVALID_STATE, "the scenario has started no submit");
      }
      auto first = std::move(started_.front());
      started_.pop_front();
      job_ = first.get();
    } else if (what == "estimate") {
      const ltx::Estimate estimate = client_.estimate(request(step));
      told_ << estimate.usd << ' ' << estimate.basis << '\n';
      return ",\"usd\":" + as_json(estimate.usd) + ",\"basis\":" + as_json(estimate.basis);
    } else if (what == "warnings") {
      std::string list;
      for (const std::string &warning : job().snapshot().warnings) {
        list += (list.empty() ? "" : ",") + as_json(warning);
      }
      return ",\"warnings\":[" + list + "]";
    } else if (what == "wait") {
      const json *limit = json_member(step, "timeout_ms");
      result_ = json_is_null(limit) ? job().wait() : job().wait(std::chrono::milliseconds(json_integer(limit, 0)));
      told::tell(told_, *result_);
    } else if (what == "poll") {
      job().poll().get();
    } else if (what == "attach") {
      const std::string reference = job().reference();
      job_.reset();
      result_.reset();
      job_ = client_.job(reference);
    } else if (what == "set_api_key") {
      client_.set_api_key(text(step, "key"));
    } else if (what == "download") {
      download(step);
    } else if (what == "frames") {
      return open(step);
    } else if (what == "read") {
      return read(step);
    } else if (what == "extract") {
      extract(step);
    } else if (what == "stream") {
      return stream(step);
    } else if (what == "check") {
      check();
    } else if (what == "upload") {
      for (const json *each : children(json_member(order_, "media"))) {
        told_ << client_.upload(json_text(each, "")) << '\n';
      }
    } else {
      throw ltx::Error(LTX_INVALID_STATE, "no step is called " + what);
    }
    return {};
  }

  void check() {
    ltx::Operation<ltx::Checked> looking = client_.try_check().value();
    ltx::expected<bool> ended = looking.try_wait(std::chrono::hours(1));
    // Also of a check that found something wrong.
    told::tell(told_, ltx::try_report(looking).value());
    (void)std::move(ended).value();
  }

  const ltx::Job &job() const {
    if (!job_) {
      throw ltx::Error(LTX_INVALID_STATE, "the scenario has no job yet");
    }
    return *job_;
  }

  /** Looks until the submit started last waits for a place. */
  void queued() const {
    if (started_.empty()) {
      throw ltx::Error(LTX_INVALID_STATE, "the scenario has started no submit");
    }
    for (;;) {
      const ltx::Progress now = started_.back().snapshot();
      if (now.phase == LTX_PHASE_QUEUED) {
        return;
      }
      if (now.outcome != LTX_PENDING) {
        throw ltx::Error(LTX_INVALID_STATE, "the submit ended without a wait");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  /** By the setter of the value's own type. */
  static void set_typed(ltx::Request &request, const json *field) {
    switch (field->kind) {
    case JSON_NULL:
      request.set_null(field->key);
      break;
    case JSON_BOOL:
      request.set(field->key, field->truth);
      break;
    case JSON_NUMBER:
      if (std::strpbrk(field->source, ".eE") == nullptr) {
        request.set(field->key, json_integer(field, 0));
      } else {
        request.set(field->key, field->number);
      }
      break;
    case JSON_STRING:
      request.set(field->key, field->string);
      break;
    default:
      request.set_json(field->key, field->source);
    }
  }

  ltx::Request request(const json *step) const {
    ltx::Request request(text(order_, "endpoint"));
    const json *own = json_member(step, "params"), *typed = json_member(order_, "typed");
    for (const json *each : children(json_is_null(own) ? json_member(order_, "params") : own)) {
      if (typed != nullptr && typed->truth) {
        set_typed(request, each);
      } else {
        request.set_json(each->key, each->source);
      }
    }
    for (const json *each : children(json_member(order_, "media"))) {
      request.media_file(each->key, json_text(each, ""));
    }
    if (!json_is_null(json_member(order_, "once"))) {
      request.once(text(order_, "once"));
    }
    if (!json_is_null(json_member(order_, "max_cost"))) {
      request.max_cost(text(order_, "max_cost"));
    }
    if (const json *limit = json_member(order_, "submit_timeout_ms"); !json_is_null(limit)) {
      request.timeout(std::chrono::milliseconds(json_integer(limit, 0)));
    }
    if (text(order_, "on_unknown") == "accept_double_charge") {
      request.on_unknown(ltx::OnUnknown::accept_double_charge);
    }
    return request;
  }

  void download(const json *step) {
    if (!result_) {
      throw ltx::Error(LTX_INVALID_STATE, "the scenario has no result yet");
    }
    ltx::DownloadOptions options;
    const json *overwrite = json_member(step, "overwrite"), *only = json_member(step, "only"), *first = json_member(step, "first_frame");
    options.overwrite = overwrite != nullptr && overwrite->truth;
    if (!json_is_null(only)) {
      options.only.emplace();
      for (const json *each : children(only)) {
        options.only->emplace_back(json_text(each, ""));
      }
    }
    if (!json_is_null(json_member(step, "frame_name"))) {
      options.frame_name = text(step, "frame_name");
    }
    if (!json_is_null(first)) {
      options.first_frame = json_integer(first, 0);
    }
    const std::filesystem::path dest = text(order_, "dest");
    const ltx::Saved saved = result_->download(dest, options).get();
    told::tell(told_, saved);
    saved_.clear();
    for (const auto &path : saved.paths()) {
      saved_.push_back(path.lexically_relative(dest).generic_string());
    }
  }

  const ltx::Frames &frames() const {
    if (!frames_) {
      throw ltx::Error(LTX_INVALID_STATE, "the scenario has no frames yet");
    }
    return *frames_;
  }

  static std::string listed(const std::vector<std::string> &names) {
    std::string list;
    for (const std::string &name : names) {
      list += (list.empty() ? "" : ",") + as_json(name);
    }
    return ",\"frames\":[" + list + "]";
  }

  std::string open(const json *step) {
    if (!result_) {
      throw ltx::Error(LTX_INVALID_STATE, "the scenario has no result yet");
    }
    ltx::FramesOptions options;
    if (!json_is_null(json_member(step, "label"))) {
      options.label = text(step, "label");
    }
    if (!json_is_null(json_member(step, "spool"))) {
      options.spool = text(step, "spool");
    }
    frames_ = result_->frames(options);
    told::tell(told_, *frames_);
    std::vector<std::string> names;
    for (const ltx::FrameInfo &frame : *frames_) {
      names.emplace_back(frame.name);
    }
    return listed(names);
  }

  /** A frame that came into memory becomes a file, which the conductor looks at. */
  std::string keep(std::size_t index, const ltx::Buffer &bytes) {
    const std::filesystem::path dest = text(order_, "dest");
    std::string name(frames()[index].name);
    std::filesystem::create_directories(dest);
    std::ofstream file(dest / name, std::ios::binary);
    std::copy(bytes.begin(), bytes.end(), std::ostreambuf_iterator<char>(file));
    note(name);
    return name;
  }

  void note(const std::string &path) {
    if (std::find(saved_.begin(), saved_.end(), path) == saved_.end()) {
      saved_.push_back(path);
    }
  }

  std::string read(const json *step) {
    const json *number = json_member(step, "number");
    const auto index = json_is_null(number) ? std::optional<std::size_t>(static_cast<std::size_t>(json_integer(json_member(step, "index"), 0)))
                                            : frames().find_number(json_integer(number, -1));
    if (!index) {
      throw ltx::Error(LTX_INVALID_STATE, "no frame has this number");
    }
    return listed({keep(*index, frames().read(*index).get())});
  }

  void extract(const json *step) {
    const json *overwrite = json_member(step, "overwrite"), *first = json_member(step, "first_frame");
    ltx::ExtractOptions options;
    options.from = static_cast<std::size_t>(json_integer(json_member(step, "from"), 0));
    options.count = static_cast<std::size_t>(json_integer(json_member(step, "count"), 0));
    options.overwrite = overwrite != nullptr && overwrite->truth;
    if (!json_is_null(json_member(step, "frame_name"))) {
      options.frame_name = text(step, "frame_name");
    }
    if (!json_is_null(first)) {
      options.first_frame = json_integer(first, 0);
    }
    const std::filesystem::path dest = text(order_, "dest");
    const ltx::Saved saved = frames().extract(dest, options).get();
    told::tell(told_, saved);
    for (const auto &path : saved.paths()) {
      note(path.lexically_relative(dest).generic_string());
    }
  }

  std::string stream(const json *step) {
    ltx::StreamOptions options;
    options.from = static_cast<std::size_t>(json_integer(json_member(step, "from"), 0));
    options.count = static_cast<std::size_t>(json_integer(json_member(step, "count"), 0));
    if (const json *budget = json_member(step, "budget"); !json_is_null(budget)) {
      options.budget = static_cast<std::uint64_t>(json_integer(budget, 0));
    }
    std::vector<std::string> names;
    for (const ltx::Frame &frame : frames().stream(options)) {
      names.push_back(keep(frame.index, frame.bytes));
    }
    return listed(names);
  }

  const json *order_;
  std::ostream &told_;
  ltx::Client client_;
  std::optional<ltx::Job> job_;
  /** Submits that were not waited for yet, in the order they began. */
  std::deque<ltx::Operation<ltx::Job>> started_;
  std::optional<ltx::Result> result_;
  std::optional<ltx::Frames> frames_;
  std::vector<std::string> saved_;
  bool closed_ = false;
};

// What the client counted, as JSON.
std::string counted(const ltx::Counters &counters) {
  const std::pair<const char *, std::uint64_t> numbers[] = {
      {"submits", counters.submits},
      {"submits_known", counters.submits_known},
      {"submits_refused", counters.submits_refused},
      {"submits_unknown", counters.submits_unknown},
      {"posts", counters.posts},
      {"jobs_created", counters.jobs_created},
      {"jobs_completed", counters.jobs_completed},
      {"jobs_failed", counters.jobs_failed},
      {"polls", counters.polls},
      {"http_requests", counters.http_requests},
      {"submit_retries", counters.submit_retries},
      {"api_retries", counters.api_retries},
      {"storage_retries", counters.storage_retries},
      {"transfers_resumed", counters.transfers_resumed},
      {"transfers_restarted", counters.transfers_restarted},
      {"bytes_downloaded", counters.bytes_downloaded},
      {"bytes_uploaded", counters.bytes_uploaded},
      {"bytes_rehosted", counters.bytes_rehosted},
  };
  std::string text;
  for (const auto &[name, value] : numbers) {
    text += (text.empty() ? "{" : ",") + as_json(name) + ":" + std::to_string(value);
  }
  return text + "}";
}

std::string told_of(const std::string &what, const ltx::Error &error) {
  const auto truth = [](bool so) { return so ? "true" : "false"; };
  std::ostringstream out;
  out << "{\"do\":" << as_json(what) << ",\"ok\":false,\"error\":{\"kind\":" << as_json(error.kind()) << ",\"number\":" << error.status()
      << ",\"billing\":" << as_json(error.billing_name()) << ",\"retryable\":" << truth(error.is_retryable()) << ",\"job_ended\":" << truth(error.job_ended())
      << ",\"http_status\":";
  if (error.http_status()) {
    out << *error.http_status();
  } else {
    out << "null";
  }
  out << ",\"api_type\":" << (error.api_type() ? as_json(*error.api_type()) : "null") << "}}";
  std::cerr << what << ": " << error.what() << '\n';
  return out.str();
}

// The library's log at its finest level, in a file of the scenario's own.
void log_into(const std::string &path) {
  ltx::log_to(ltx::LogLevel::trace, [file = std::ofstream(path, std::ios::binary)](const ltx::LogRecord &line) mutable {
    static constexpr const char *levels[] = {"OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
    file << levels[static_cast<int>(line.level)] << ' ' << line.spans << ' ' << line.target << ": " << line.message << ' ' << line.fields << '\n';
  });
}

void play(const json *order) {
  log_into(text(order, "log"));
  std::ofstream everything(text(order, "told"), std::ios::binary);
  std::string steps, saved, counters = "null";
  const auto add = [](std::string &list, const std::string &entry) { list += (list.empty() ? "" : ",") + entry; };
  try {
    Play scenario(order, everything);
    for (const json *step : children(json_member(order, "steps"))) {
      const std::string what = text(step, "do");
      try {
        const std::string more = scenario.step(step);
        add(steps, "{\"do\":" + as_json(what) + ",\"ok\":true" + more + "}");
      } catch (const ltx::Error &error) {
        told::tell(everything, error);
        add(steps, told_of(what, error));
        const json *go_on = json_member(step, "go_on");
        if (go_on == nullptr || !go_on->truth) {
          break;
        }
      }
    }
    for (const std::string &path : scenario.saved()) {
      add(saved, as_json(path));
    }
    counters = counted(scenario.close().value());
  } catch (const ltx::Error &error) {
    told::tell(everything, error);
    add(steps, told_of("submit", error));
  }
  everything.close();
  // From here on the log is whole in its file.
  ltx::log_off();
  std::cout << "{\"scenario\":" << as_json(text(order, "scenario")) << ",\"steps\":[" << steps << "],\"saved\":[" << saved << "],\"counters\":" << counters << "}"
            << std::endl;
}

} // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::unique_ptr<json, void (*)(json *)> order(json_parse(line.c_str()), json_free);
    if (!order) {
      std::cerr << "this is no scenario: " << line << '\n';
      return 1;
    }
    play(order.get());
  }
  return 0;
}

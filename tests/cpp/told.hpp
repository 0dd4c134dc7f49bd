// Everything a C++ program can show of what it holds, written out, for the conductor to look for secrets in. Not Output::url: that is where a signed address
// may be had.
#ifndef LTX_TEST_TOLD_HPP
#define LTX_TEST_TOLD_HPP

#include <chrono>
#include <ostream>
#include <string>

#include "ltx_jobs.hpp"

namespace told {

inline std::string text(const std::optional<std::string> &maybe) { return maybe.value_or("(none)"); }

inline void tell(std::ostream &to, const ltx::Error &error) {
  to << error.what() << '\n'
     << error.message() << ' ' << error.kind() << ' ' << error.billing_name() << ' ' << text(error.job_ref()) << ' ' << text(error.request_id()) << ' '
     << text(error.api_type()) << ' ' << text(error.api_message()) << ' ' << error.http_status().value_or(0) << '\n';
}

inline void tell(std::ostream &to, const ltx::Job &job) {
  to << job.reference() << ' ' << job.endpoint() << ' ' << job.id() << ' ' << text(job.label()) << '\n';
  if (const auto now = job.try_snapshot()) {
    to << now->status << ' ' << now->status_word << '\n';
  }
}

inline void tell(std::ostream &to, const ltx::Result &result) {
  for (const ltx::Output &output : result.outputs()) {
    to << output.label << '\n';
  }
}

inline void tell(std::ostream &to, const ltx::Saved &saved) {
  for (const auto &path : saved.paths()) {
    to << path << '\n';
  }
}

inline void tell(std::ostream &to, const ltx::Frames &frames) {
  to << frames.label() << '\n';
  for (const ltx::FrameInfo &frame : frames) {
    to << frame.name << ' ' << frame.number.value_or(-1) << ' ' << frame.size << '\n';
  }
}

inline void tell(std::ostream &to, const ltx::Checked &checked) {
  to << checked.text << text(checked.request_id) << '\n';
  for (const ltx::Finding &finding : checked.findings) {
    to << finding.what << ' ' << finding.detail << '\n';
  }
  for (const ltx::Setting &setting : checked.settings) {
    to << setting.key << ' ' << setting.value << ' ' << setting.origin << '\n';
  }
}

inline void tell(std::ostream &to, const ltx::JournaledSubmit &submit) {
  to << submit.intent << ' ' << text(submit.job) << ' ' << submit.endpoint << ' ' << text(submit.label) << ' ' << text(submit.once) << '\n';
}

inline void tell(std::ostream &to, const ltx::Client &client) {
  if (auto jobs = client.try_jobs()) {
    if (const auto all = jobs->try_get()) {
      for (const auto &submit : *all) {
        tell(to, submit);
      }
    }
  }
  if (auto recovering = client.try_recover()) {
    if (const auto found = recovering->try_get()) {
      for (const auto *list : {&found->unknown, &found->other_key}) {
        for (const auto &submit : *list) {
          tell(to, submit);
        }
      }
      for (const auto &job : found->jobs) {
        tell(to, job);
      }
    }
  }
}

} // namespace told

#endif

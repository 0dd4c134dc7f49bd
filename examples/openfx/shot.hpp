// One generated shot as many render threads share it: from the reference of a job to the bytes of its frames. Knows nothing of OpenFX.
//
// It has no thread of its own. Whoever needs something moves it on: from memory where nothing may wait, and else waiting as long as the caller's own question
// "have I been given up?" says no; that is asked on the caller's thread, as a host's abort() wants it.
#ifndef LTX_EXAMPLES_OPENFX_SHOT_HPP
#define LTX_EXAMPLES_OPENFX_SHOT_HPP

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <ltx_jobs.hpp>

namespace shot {

using Bytes = std::shared_ptr<const ltx::Buffer>;
using Stopped = std::function<bool()>;

/** How a shot stands. */
struct State {
  enum class Stage { waiting, opening, ready, failed } stage;
  /** A line for people. */
  std::string text;
  /** When it is ready. */
  std::size_t frames;
};

/** The size of a picture in pixels. */
struct Size {
  int width;
  int height;
};

class Shot {
public:
  /** Asks nobody yet. `reference` is that of a job, or the `intent:...` of a submit. */
  Shot(ltx::Client client, std::string reference);
  /** Ends our waiting and fetching. The job goes on: a submit is paid for, and the reference finds it again. */
  ~Shot();
  Shot(const Shot &) = delete;
  Shot &operator=(const Shot &) = delete;

  const std::string &reference() const noexcept { return reference_; }

  /** How it stands, from memory, starting what is due next. Never waits for the network. */
  State look();

  /** After a failure that may pass (no network): the next question tries again. */
  void retry();

  /** The bytes of a frame, an EXR file; none when `stopped` said so. Throws ltx::Error, and std::out_of_range for a frame the shot does not have. */
  Bytes frame(std::size_t index, const Stopped &stopped);

  /** Forgets the frames in memory. */
  void purge();

  /** The size of its pictures, once somebody has seen one. */
  std::optional<Size> size() const;
  void seen(Size size);

private:
  void move_on();
  const ltx::Frames *open(const Stopped &stopped);
  Bytes held(std::size_t index);
  void keep(std::size_t index, ltx::Buffer bytes);
  bool in_stream(std::size_t index) const noexcept;
  void pull(std::unique_lock<std::mutex> &lock);
  void read(const ltx::Frames &frames, std::size_t index, const Stopped &stopped, std::unique_lock<std::mutex> &lock);

  struct Held {
    Bytes bytes;
    std::uint64_t used;
  };

  const ltx::Client client_;
  const std::string reference_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // The way to the frames; what is behind is let go.
  std::optional<ltx::Job> job_;
  std::optional<ltx::Operation<ltx::Result>> waiting_;
  std::optional<ltx::Result> result_;
  std::optional<ltx::Operation<ltx::Frames>> opening_;
  std::optional<ltx::Frames> frames_;
  std::optional<ltx::Error> failure_;
  std::optional<Size> size_;
  // Frames in memory, as they came: packed, they take less room, and every render thread unpacks its own.
  std::map<std::size_t, Held> held_;
  std::uint64_t held_bytes_ = 0;
  std::uint64_t uses_ = 0;
  // Whoever plays the shot from front to back gets a stream, which fetches ahead; one thread at a time pulls, for all.
  std::optional<ltx::FrameStream> stream_;
  std::size_t next_in_stream_ = 0;
  bool pulling_ = false;
  // Whoever jumps reads single frames.
  std::set<std::size_t> reading_;
  std::size_t after_last_read_ = 0;
};

} // namespace shot

#endif

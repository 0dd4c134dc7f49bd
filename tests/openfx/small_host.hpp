// A host for one OpenFX plug-in, small and strict: it keeps what the plug-in defines, hands out the suites, and writes down what a plug-in must not do
// (a suite called from a thread that is none of the host's, a parameter set outside InstanceChanged, an image that is not given back).
#ifndef LTX_TESTS_OPENFX_SMALL_HOST_HPP
#define LTX_TESTS_OPENFX_SMALL_HOST_HPP

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include <ofxCore.h>
#include <ofxImageEffect.h>

namespace small {

using Value = std::variant<int, double, std::string, void *>;

struct Properties {
  std::map<std::string, std::vector<Value>> all;

  template <class T> T get(const std::string &name, T otherwise, std::size_t index = 0) const {
    const auto found = all.find(name);
    if (found == all.end() || index >= found->second.size()) {
      return otherwise;
    }
    const T *value = std::get_if<T>(&found->second[index]);
    return value == nullptr ? otherwise : *value;
  }
  std::string text(const std::string &name, std::size_t index = 0) const { return get<std::string>(name, {}, index); }
  template <class T> void set(const std::string &name, T value, std::size_t index = 0) {
    std::vector<Value> &values = all[name];
    if (values.size() <= index) {
      values.resize(index + 1);
    }
    values[index] = std::move(value);
  }
  OfxPropertySetHandle handle() { return reinterpret_cast<OfxPropertySetHandle>(this); }
};

struct Effect;

struct Param {
  Effect *effect = nullptr;
  Properties properties;
  Value value;
};

struct Clip {
  Effect *effect = nullptr;
  std::string name;
  Properties properties;
};

struct Image {
  // First, so that a handle of its properties is one of the image.
  Properties properties;
  std::vector<float> floats;
  std::vector<std::uint8_t> bytes;
};

/** A description (of the plug-in, or in a context) or an instance. */
struct Effect {
  Properties properties;
  std::map<std::string, std::unique_ptr<Param>> params;
  std::map<std::string, std::unique_ptr<Clip>> clips;
  // The instance's.
  int width = 0, height = 0;
  bool floats = true;
  std::function<bool()> abort;
  std::atomic<int> polls{0};
  bool in_changed = false;
  // Whether the user gives up, asked at every update of the bar.
  std::function<bool()> give_up;
  int bar_updates = 0;
  bool bar_open = false;
  std::mutex message_mutex;
  std::string message;
  std::unique_ptr<Image> image;
  int images_out = 0;

  OfxImageEffectHandle handle() { return reinterpret_cast<OfxImageEffectHandle>(this); }
};

/** What a plug-in did that no plug-in may, one line each. */
std::vector<std::string> misdeeds();

/** Every thread that the host gives to a plug-in is inside one of these. */
class OnHostThread {
public:
  OnHostThread();
  ~OnHostThread();
};

/** What is stored in a project: the persistent parameters, by name. */
using Saved = std::map<std::string, Value>;

struct Rendered {
  OfxStatus status = kOfxStatFailed;
  std::unique_ptr<Image> image;
  std::string message;
  int polls = 0;
  double milliseconds = 0;
};

/** The plug-in's binary, loaded. */
class Binary {
public:
  /** Opens it and calls setHost; ends the program when it cannot. `background`: a host that renders without anybody watching. */
  Binary(const std::string &path, bool background);
  /** Closes it. */
  ~Binary();
  Binary(const Binary &) = delete;
  Binary &operator=(const Binary &) = delete;

  std::string identifier() const;
  OfxStatus load();
  OfxStatus unload();
  /** Describe, and DescribeInContext. */
  std::unique_ptr<Effect> describe(const char *context);
  /** An instance as a project has it: with the defaults, or with what was saved. */
  std::unique_ptr<Effect> create(const Effect &description, const char *context, int width, int height, bool floats, const Saved *saved);
  void destroy(std::unique_ptr<Effect> instance);
  Saved save(const Effect &instance) const;
  /** As if the user did it. */
  void type(Effect &instance, const std::string &name, Value value);
  void press(Effect &instance, const std::string &name);
  /** Render, from a thread of the caller's; `stopped` is asked by abort(). */
  Rendered render(Effect &instance, double time, bool interactive, std::function<bool()> stopped);
  /** GetTimeDomain: first and last frame; false when the plug-in does not say. */
  bool time_domain(Effect &instance, double range[2]);
  /** IsIdentity: the clip that stands for the instance; empty when none. */
  std::string identity(Effect &instance, double time);

private:
  OfxStatus act(const char *action, Effect *effect, Properties *in, Properties *out);
  void change(Effect &instance, const std::string &name);

  void *library_ = nullptr;
  OfxPlugin *plugin_ = nullptr;
  Properties about_;
  OfxHost host_;
};

} // namespace small

#endif

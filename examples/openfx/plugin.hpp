// What is there once for the loaded plug-in, from Load to Unload, and once for each of its instances.
//
// One client serves all instances, and instances with the same job share one Shot: a host copies nodes, and renders copies of an instance on many threads.
#ifndef LTX_EXAMPLES_OPENFX_PLUGIN_HPP
#define LTX_EXAMPLES_OPENFX_PLUGIN_HPP

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <ltx_jobs.hpp>

#include "host.hpp"
#include "shot.hpp"

namespace plugin {

namespace param {
constexpr char clip[] = "clip";
constexpr char colorspace[] = "colorspace";
constexpr char once[] = "once";
constexpr char max_cost[] = "maxCost";
constexpr char first_frame[] = "firstFrame";
constexpr char generate[] = "generate";
constexpr char update[] = "update";
constexpr char status[] = "status";
// Hidden: the reference of the job, and a number that only makes the host render again.
constexpr char job[] = "job";
constexpr char revision[] = "revision";
} // namespace param

/** The service's words, in the order of the menu. */
constexpr const char *colorspaces[] = {"acescg", "acescct", "srgb_linear", "aces2065-1"};

class Plugin {
public:
  explicit Plugin(const host::Suites &suites) : suites_(suites) {}
  /** Ends what runs and joins our threads: after this the host unloads the code. */
  ~Plugin();

  const host::Suites &suites() const noexcept { return suites_; }
  /** Made when it is first needed: a host that only scans its plug-ins gets no thread and no socket. Key and address come from the environment. */
  ltx::Client client();
  /** The shot of a job, one for all who ask. */
  std::shared_ptr<shot::Shot> shot(const std::string &reference);

private:
  const host::Suites suites_;
  std::mutex mutex_;
  std::optional<ltx::Client> client_;
  std::map<std::string, std::weak_ptr<shot::Shot>> shots_;
};

/** One node in the user's script. */
class Instance {
public:
  Instance(Plugin &plugin, OfxImageEffectHandle effect) : plugin_(plugin), effect_(effect) {}

  /** The button "Generate": submits, which is **billed**. On the main thread. */
  void generate();
  /** The button "Update": says how it stands, and has the host render again. On the main thread. */
  void update();
  /** The shot of the job that is stored in the project; none when nothing was generated yet. From memory. */
  std::shared_ptr<shot::Shot> current();
  /** As current(), but only what a render or an update has already begun with: asks nothing. */
  std::shared_ptr<shot::Shot> known();
  void purge();

  host::Params params() const { return host::Params(plugin_.suites(), effect_); }
  OfxImageEffectHandle effect() const noexcept { return effect_; }

private:
  Plugin &plugin_;
  const OfxImageEffectHandle effect_;
  std::mutex mutex_;
  std::shared_ptr<shot::Shot> shot_;
};

/** The action Render. */
OfxStatus render(const Plugin &plugin, Instance &instance, OfxPropertySetHandle in);

} // namespace plugin

#endif

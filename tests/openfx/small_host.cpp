// See small_host.hpp: loading, and the actions in the order in which hosts send them.
#include "small_host.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <dlfcn.h>

#include <ofxParam.h>

#include "suites.hpp"

namespace small {

namespace {

[[noreturn]] void impossible(const std::string &what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

Value first_value(const Properties &described) {
  const std::string type = described.text(kOfxParamPropType);
  if (type == kOfxParamTypeString) {
    return described.text(kOfxParamPropDefault);
  }
  if (type == kOfxParamTypeInteger || type == kOfxParamTypeChoice || type == kOfxParamTypeBoolean) {
    return described.get<int>(kOfxParamPropDefault, 0);
  }
  if (type == kOfxParamTypeDouble) {
    return described.get<double>(kOfxParamPropDefault, 0);
  }
  return static_cast<void *>(nullptr); // a button has none
}

} // namespace

Binary::Binary(const std::string &path, bool background) {
  library_ = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library_ == nullptr) {
    impossible(dlerror());
  }
  const auto count = reinterpret_cast<int (*)()>(dlsym(library_, "OfxGetNumberOfPlugins"));
  const auto get = reinterpret_cast<OfxPlugin *(*)(int)>(dlsym(library_, "OfxGetPlugin"));
  if (count == nullptr || get == nullptr || count() != 1) {
    impossible("no plug-in in " + path);
  }
  plugin_ = get(0);
  about_.set(kOfxPropName, std::string("org.ltx-jobs.tests.SmallHost"));
  about_.set(kOfxImageEffectHostPropIsBackground, background ? 1 : 0);
  host_ = OfxHost{about_.handle(), suite};
  plugin_->setHost(&host_);
}

Binary::~Binary() { dlclose(library_); }

std::string Binary::identifier() const { return plugin_->pluginIdentifier; }

OfxStatus Binary::act(const char *action, Effect *effect, Properties *in, Properties *out) {
  const OnHostThread here;
  return plugin_->mainEntry(action, effect == nullptr ? nullptr : effect->handle(), in == nullptr ? nullptr : in->handle(),
                            out == nullptr ? nullptr : out->handle());
}

OfxStatus Binary::load() { return act(kOfxActionLoad, nullptr, nullptr, nullptr); }
OfxStatus Binary::unload() { return act(kOfxActionUnload, nullptr, nullptr, nullptr); }

std::unique_ptr<Effect> Binary::describe(const char *context) {
  auto made = std::make_unique<Effect>();
  if (act(kOfxActionDescribe, made.get(), nullptr, nullptr) != kOfxStatOK) {
    impossible("Describe failed");
  }
  Properties in;
  in.set(kOfxImageEffectPropContext, std::string(context));
  if (act(kOfxImageEffectActionDescribeInContext, made.get(), &in, nullptr) != kOfxStatOK) {
    impossible("DescribeInContext failed");
  }
  return made;
}

std::unique_ptr<Effect> Binary::create(const Effect &description, const char *context, int width, int height, bool floats, const Saved *saved) {
  auto made = std::make_unique<Effect>();
  made->width = width;
  made->height = height;
  made->floats = floats;
  made->properties.set(kOfxImageEffectPropContext, std::string(context));
  made->properties.set(kOfxImageEffectPropProjectPixelAspectRatio, 1.0);
  for (const auto &[name, described] : description.params) {
    auto param = std::make_unique<Param>();
    param->effect = made.get();
    param->properties = described->properties;
    param->value = first_value(described->properties);
    if (saved != nullptr && saved->count(name) != 0) {
      param->value = saved->at(name);
    }
    made->params[name] = std::move(param);
  }
  for (const auto &[name, described] : description.clips) {
    auto clip = std::make_unique<Clip>();
    clip->effect = made.get();
    clip->name = name;
    clip->properties = described->properties;
    made->clips[name] = std::move(clip);
  }
  if (act(kOfxActionCreateInstance, made.get(), nullptr, nullptr) != kOfxStatOK) {
    impossible("CreateInstance failed");
  }
  return made;
}

void Binary::destroy(std::unique_ptr<Effect> instance) {
  if (act(kOfxActionDestroyInstance, instance.get(), nullptr, nullptr) != kOfxStatOK) {
    impossible("DestroyInstance failed");
  }
}

Saved Binary::save(const Effect &instance) const {
  Saved saved;
  for (const auto &[name, param] : instance.params) {
    if (param->properties.get<int>(kOfxParamPropPersistant, 1) != 0 && !std::holds_alternative<void *>(param->value)) {
      saved[name] = param->value;
    }
  }
  return saved;
}

void Binary::change(Effect &instance, const std::string &name) {
  Properties in;
  in.set(kOfxPropType, std::string(kOfxTypeParameter));
  in.set(kOfxPropName, name);
  in.set(kOfxPropChangeReason, std::string(kOfxChangeUserEdited));
  in.set(kOfxPropTime, 1.0);
  instance.in_changed = true;
  act(kOfxActionInstanceChanged, &instance, &in, nullptr);
  instance.in_changed = false;
}

void Binary::type(Effect &instance, const std::string &name, Value value) {
  instance.params.at(name)->value = std::move(value);
  change(instance, name);
}

void Binary::press(Effect &instance, const std::string &name) {
  instance.params.at(name); // it is there
  change(instance, name);
}

Rendered Binary::render(Effect &instance, double time, bool interactive, std::function<bool()> stopped) {
  instance.abort = std::move(stopped);
  instance.polls = 0;
  Properties in;
  in.set(kOfxPropTime, time);
  in.set(kOfxImageEffectPropInteractiveRenderStatus, interactive ? 1 : 0);
  in.set(kOfxImageEffectPropFieldToRender, std::string(kOfxImageFieldNone));
  const int window[] = {0, 0, instance.width, instance.height};
  for (std::size_t i = 0; i < 4; ++i) {
    in.set(kOfxImageEffectPropRenderWindow, window[i], i);
  }
  in.set(kOfxImageEffectPropRenderScale, 1.0, 0);
  in.set(kOfxImageEffectPropRenderScale, 1.0, 1);
  const auto began = std::chrono::steady_clock::now();
  Rendered done;
  done.status = act(kOfxImageEffectActionRender, &instance, &in, nullptr);
  done.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  done.polls = instance.polls;
  done.image = std::move(instance.image);
  const std::lock_guard<std::mutex> lock(instance.message_mutex);
  done.message = instance.message;
  if (instance.images_out != 0) {
    impossible("an image was not given back");
  }
  return done;
}

bool Binary::time_domain(Effect &instance, double range[2]) {
  Properties out;
  const bool told = act(kOfxImageEffectActionGetTimeDomain, &instance, nullptr, &out) == kOfxStatOK;
  range[0] = out.get<double>(kOfxImageEffectPropFrameRange, 0, 0);
  range[1] = out.get<double>(kOfxImageEffectPropFrameRange, 0, 1);
  return told;
}

std::string Binary::identity(Effect &instance, double time) {
  Properties in, out;
  in.set(kOfxPropTime, time);
  return act(kOfxImageEffectActionIsIdentity, &instance, &in, &out) == kOfxStatOK ? out.text(kOfxPropName) : std::string();
}

} // namespace small

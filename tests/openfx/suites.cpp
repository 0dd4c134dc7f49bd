// The suites of the small host: tables of C functions over the structures of small_host.hpp.
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <thread>

#include <ofxMessage.h>
#include <ofxParam.h>
#include <ofxProgress.h>
#include <ofxProperty.h>

#include "small_host.hpp"
#include "suites.hpp"

namespace small {

namespace {

std::mutex misdeeds_mutex;
std::vector<std::string> all_misdeeds;
thread_local int on_host_thread = 0;

void misdeed(const std::string &what) {
  const std::lock_guard<std::mutex> lock(misdeeds_mutex);
  all_misdeeds.push_back(what);
}

void check_thread(const char *function) {
  if (on_host_thread == 0) {
    misdeed(std::string(function) + " on a thread that is none of the host's");
  }
}

Properties &of(OfxPropertySetHandle handle) { return *reinterpret_cast<Properties *>(handle); }
Effect &of(OfxImageEffectHandle handle) { return *reinterpret_cast<Effect *>(handle); }
Effect &set_of(OfxParamSetHandle handle) { return *reinterpret_cast<Effect *>(handle); }
Param &of(OfxParamHandle handle) { return *reinterpret_cast<Param *>(handle); }
Clip &of(OfxImageClipHandle handle) { return *reinterpret_cast<Clip *>(handle); }

// Properties.

template <class T> OfxStatus set(OfxPropertySetHandle at, const char *name, int index, T value) {
  check_thread("a property");
  if (index < 0) {
    return kOfxStatErrBadIndex;
  }
  of(at).set(name, std::move(value), static_cast<std::size_t>(index));
  return kOfxStatOK;
}

template <class T> const T *find(OfxPropertySetHandle at, const char *name, int index) {
  check_thread("a property");
  const auto found = of(at).all.find(name);
  if (found == of(at).all.end() || index < 0 || static_cast<std::size_t>(index) >= found->second.size()) {
    return nullptr;
  }
  return std::get_if<T>(&found->second[static_cast<std::size_t>(index)]);
}

OfxStatus set_pointer(OfxPropertySetHandle at, const char *name, int index, void *value) { return set<void *>(at, name, index, value); }
OfxStatus set_string(OfxPropertySetHandle at, const char *name, int index, const char *value) { return set<std::string>(at, name, index, value); }
OfxStatus set_double(OfxPropertySetHandle at, const char *name, int index, double value) { return set<double>(at, name, index, value); }
OfxStatus set_int(OfxPropertySetHandle at, const char *name, int index, int value) { return set<int>(at, name, index, value); }

template <class From, class One> OfxStatus set_many(OfxPropertySetHandle at, const char *name, int count, const From *values, One one) {
  OfxStatus status = kOfxStatOK;
  for (int i = 0; i < count && status == kOfxStatOK; ++i) {
    status = one(at, name, i, values[i]);
  }
  return status;
}
OfxStatus set_pointers(OfxPropertySetHandle at, const char *name, int count, void *const *values) { return set_many(at, name, count, values, set_pointer); }
OfxStatus set_strings(OfxPropertySetHandle at, const char *name, int count, const char *const *values) { return set_many(at, name, count, values, set_string); }
OfxStatus set_doubles(OfxPropertySetHandle at, const char *name, int count, const double *values) { return set_many(at, name, count, values, set_double); }
OfxStatus set_ints(OfxPropertySetHandle at, const char *name, int count, const int *values) { return set_many(at, name, count, values, set_int); }

OfxStatus get_pointer(OfxPropertySetHandle at, const char *name, int index, void **value) {
  void *const *found = find<void *>(at, name, index);
  *value = found == nullptr ? nullptr : *found;
  return found == nullptr ? kOfxStatErrUnknown : kOfxStatOK;
}
OfxStatus get_string(OfxPropertySetHandle at, const char *name, int index, char **value) {
  const std::string *found = find<std::string>(at, name, index);
  *value = found == nullptr ? nullptr : const_cast<char *>(found->c_str());
  return found == nullptr ? kOfxStatErrUnknown : kOfxStatOK;
}
OfxStatus get_double(OfxPropertySetHandle at, const char *name, int index, double *value) {
  const double *found = find<double>(at, name, index);
  *value = found == nullptr ? 0 : *found;
  return found == nullptr ? kOfxStatErrUnknown : kOfxStatOK;
}
OfxStatus get_int(OfxPropertySetHandle at, const char *name, int index, int *value) {
  const int *found = find<int>(at, name, index);
  *value = found == nullptr ? 0 : *found;
  return found == nullptr ? kOfxStatErrUnknown : kOfxStatOK;
}
template <class To, class One> OfxStatus get_many(OfxPropertySetHandle at, const char *name, int count, To *values, One one) {
  OfxStatus status = kOfxStatOK;
  for (int i = 0; i < count && status == kOfxStatOK; ++i) {
    status = one(at, name, i, values + i);
  }
  return status;
}
OfxStatus get_pointers(OfxPropertySetHandle at, const char *name, int count, void **values) { return get_many(at, name, count, values, get_pointer); }
OfxStatus get_strings(OfxPropertySetHandle at, const char *name, int count, char **values) { return get_many(at, name, count, values, get_string); }
OfxStatus get_doubles(OfxPropertySetHandle at, const char *name, int count, double *values) { return get_many(at, name, count, values, get_double); }
OfxStatus get_ints(OfxPropertySetHandle at, const char *name, int count, int *values) { return get_many(at, name, count, values, get_int); }
OfxStatus reset(OfxPropertySetHandle at, const char *name) {
  of(at).all.erase(name);
  return kOfxStatOK;
}
OfxStatus dimension(OfxPropertySetHandle at, const char *name, int *count) {
  const auto found = of(at).all.find(name);
  *count = found == of(at).all.end() ? 0 : static_cast<int>(found->second.size());
  return kOfxStatOK;
}

const OfxPropertySuiteV1 property_suite = {set_pointer, set_string,  set_double,   set_int,     set_pointers, set_strings, set_doubles, set_ints, get_pointer,
                                           get_string,  get_double,  get_int,      get_pointers, get_strings, get_doubles, get_ints,    reset,    dimension};

// Parameters.

OfxStatus define_param(OfxParamSetHandle at, const char *type, const char *name, OfxPropertySetHandle *properties) {
  check_thread("paramDefine");
  auto made = std::make_unique<Param>();
  made->properties.set(kOfxParamPropType, std::string(type));
  made->properties.set(kOfxPropName, std::string(name));
  Param &kept = *(set_of(at).params[name] = std::move(made));
  if (properties != nullptr) {
    *properties = kept.properties.handle();
  }
  return kOfxStatOK;
}

OfxStatus param_handle(OfxParamSetHandle at, const char *name, OfxParamHandle *param, OfxPropertySetHandle *properties) {
  check_thread("paramGetHandle");
  const auto found = set_of(at).params.find(name);
  if (found == set_of(at).params.end()) {
    return kOfxStatErrUnknown;
  }
  *param = reinterpret_cast<OfxParamHandle>(found->second.get());
  if (properties != nullptr) {
    *properties = found->second->properties.handle();
  }
  return kOfxStatOK;
}

OfxStatus param_set_properties(OfxParamSetHandle at, OfxPropertySetHandle *properties) {
  *properties = set_of(at).properties.handle();
  return kOfxStatOK;
}

OfxStatus param_properties(OfxParamHandle at, OfxPropertySetHandle *properties) {
  *properties = of(at).properties.handle();
  return kOfxStatOK;
}

OfxStatus get_value(OfxParamHandle at, std::va_list into) {
  check_thread("paramGetValue");
  Param &param = of(at);
  if (std::string *text = std::get_if<std::string>(&param.value)) {
    // As hosts do: what was given last time is gone.
    thread_local std::string handed_out;
    handed_out = *text;
    *va_arg(into, char **) = handed_out.data();
  } else if (const int *number = std::get_if<int>(&param.value)) {
    *va_arg(into, int *) = *number;
  } else if (const double *wide = std::get_if<double>(&param.value)) {
    *va_arg(into, double *) = *wide;
  } else {
    return kOfxStatErrUnsupported;
  }
  return kOfxStatOK;
}

OfxStatus param_get(OfxParamHandle at, ...) {
  std::va_list into;
  va_start(into, at);
  const OfxStatus status = get_value(at, into);
  va_end(into);
  return status;
}

OfxStatus param_get_at(OfxParamHandle at, OfxTime time, ...) {
  std::va_list into;
  va_start(into, time);
  const OfxStatus status = get_value(at, into);
  va_end(into);
  return status;
}

OfxStatus param_set(OfxParamHandle at, ...) {
  check_thread("paramSetValue");
  Param &param = of(at);
  if (param.effect == nullptr || !param.effect->in_changed) {
    misdeed("the parameter " + param.properties.text(kOfxPropName) + " set outside InstanceChanged");
  }
  std::va_list from;
  va_start(from, at);
  OfxStatus status = kOfxStatOK;
  if (std::string *text = std::get_if<std::string>(&param.value)) {
    *text = va_arg(from, const char *);
  } else if (int *number = std::get_if<int>(&param.value)) {
    *number = va_arg(from, int);
  } else if (double *wide = std::get_if<double>(&param.value)) {
    *wide = va_arg(from, double);
  } else {
    status = kOfxStatErrUnsupported;
  }
  va_end(from);
  return status;
}

// No parameter of this host is animated.
const OfxParameterSuiteV1 param_suite = {define_param, param_handle, param_set_properties, param_properties, param_get, param_get_at, nullptr, nullptr, param_set,
                                         nullptr,      nullptr,      nullptr,              nullptr,          nullptr,   nullptr,      nullptr, nullptr, nullptr};

// Effects and images.

OfxStatus effect_properties(OfxImageEffectHandle at, OfxPropertySetHandle *properties) {
  check_thread("getPropertySet");
  *properties = of(at).properties.handle();
  return kOfxStatOK;
}

OfxStatus effect_params(OfxImageEffectHandle at, OfxParamSetHandle *set) {
  *set = reinterpret_cast<OfxParamSetHandle>(&of(at));
  return kOfxStatOK;
}

OfxStatus define_clip(OfxImageEffectHandle at, const char *name, OfxPropertySetHandle *properties) {
  auto made = std::make_unique<Clip>();
  made->name = name;
  Clip &kept = *(of(at).clips[name] = std::move(made));
  *properties = kept.properties.handle();
  return kOfxStatOK;
}

OfxStatus clip_handle(OfxImageEffectHandle at, const char *name, OfxImageClipHandle *clip, OfxPropertySetHandle *properties) {
  check_thread("clipGetHandle");
  const auto found = of(at).clips.find(name);
  if (found == of(at).clips.end()) {
    return kOfxStatErrUnknown;
  }
  *clip = reinterpret_cast<OfxImageClipHandle>(found->second.get());
  if (properties != nullptr) {
    *properties = found->second->properties.handle();
  }
  return kOfxStatOK;
}

OfxStatus clip_properties(OfxImageClipHandle at, OfxPropertySetHandle *properties) {
  *properties = of(at).properties.handle();
  return kOfxStatOK;
}

OfxStatus get_image(OfxImageClipHandle at, OfxTime, const OfxRectD *, OfxPropertySetHandle *handle) {
  check_thread("clipGetImage");
  Effect &effect = *of(at).effect;
  if (of(at).name != kOfxImageEffectOutputClipName) {
    return kOfxStatFailed;
  }
  const std::size_t samples = static_cast<std::size_t>(effect.width) * static_cast<std::size_t>(effect.height) * 4;
  effect.image = std::make_unique<Image>();
  Image &image = *effect.image;
  // What the plug-in leaves as it was is seen.
  if (effect.floats) {
    image.floats.assign(samples, -77.0F);
    image.properties.set<void *>(kOfxImagePropData, image.floats.data());
  } else {
    image.bytes.assign(samples, 77);
    image.properties.set<void *>(kOfxImagePropData, image.bytes.data());
  }
  image.properties.set(kOfxImageEffectPropPixelDepth, std::string(effect.floats ? kOfxBitDepthFloat : kOfxBitDepthByte));
  image.properties.set(kOfxImageEffectPropComponents, std::string(kOfxImageComponentRGBA));
  image.properties.set(kOfxImagePropRowBytes, effect.width * (effect.floats ? 16 : 4));
  const int bounds[] = {0, 0, effect.width, effect.height};
  for (std::size_t i = 0; i < 4; ++i) {
    image.properties.set(kOfxImagePropBounds, bounds[i], i);
  }
  ++effect.images_out;
  image.properties.set<void *>("effect", &effect);
  *handle = image.properties.handle();
  return kOfxStatOK;
}

OfxStatus release_image(OfxPropertySetHandle handle) {
  check_thread("clipReleaseImage");
  --static_cast<Effect *>(of(handle).get<void *>("effect", nullptr))->images_out;
  return kOfxStatOK;
}

int abort_asked(OfxImageEffectHandle at) {
  check_thread("abort");
  ++of(at).polls;
  return of(at).abort && of(at).abort() ? 1 : 0;
}

const OfxImageEffectSuiteV1 effect_suite = {effect_properties, effect_params, define_clip, clip_handle, clip_properties, get_image, release_image, nullptr,
                                            abort_asked,       nullptr,       nullptr,     nullptr,     nullptr};

// What the user sees.

OfxStatus say(void *at, const char *kind, const char *, const char *format, std::va_list arguments) {
  check_thread("a message");
  char text[2048];
  std::vsnprintf(text, sizeof text, format, arguments);
  Effect &effect = *static_cast<Effect *>(at);
  const std::lock_guard<std::mutex> lock(effect.message_mutex);
  effect.message = std::string(kind) + ": " + text;
  return kOfxStatOK;
}

OfxStatus message(void *at, const char *kind, const char *id, const char *format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  const OfxStatus status = say(at, kind, id, format, arguments);
  va_end(arguments);
  return status;
}

OfxStatus clear_message(void *at) {
  check_thread("clearPersistentMessage");
  Effect &effect = *static_cast<Effect *>(at);
  const std::lock_guard<std::mutex> lock(effect.message_mutex);
  effect.message.clear();
  return kOfxStatOK;
}

const OfxMessageSuiteV2 message_suite = {message, message, clear_message};

OfxStatus bar_start(void *at, const char *, const char *) {
  check_thread("progressStart");
  static_cast<Effect *>(at)->bar_open = true;
  return kOfxStatOK;
}

OfxStatus bar_update(void *at, double done) {
  check_thread("progressUpdate");
  Effect &effect = *static_cast<Effect *>(at);
  if (!effect.bar_open || !(done >= 0 && done <= 1)) {
    misdeed("progressUpdate(" + std::to_string(done) + ")");
  }
  ++effect.bar_updates;
  return effect.give_up && effect.give_up() ? kOfxStatReplyNo : kOfxStatOK;
}

OfxStatus bar_end(void *at) {
  static_cast<Effect *>(at)->bar_open = false;
  return kOfxStatOK;
}

const OfxProgressSuiteV2 progress_suite = {bar_start, bar_update, bar_end};

} // namespace

const void *suite(OfxPropertySetHandle, const char *name, int version) {
  const struct {
    const char *name;
    int version;
    const void *table;
  } all[] = {{kOfxPropertySuite, 1, &property_suite}, {kOfxParameterSuite, 1, &param_suite}, {kOfxImageEffectSuite, 1, &effect_suite},
             {kOfxMessageSuite, 2, &message_suite},   {kOfxProgressSuite, 2, &progress_suite}};
  for (const auto &one : all) {
    if (std::strcmp(one.name, name) == 0 && one.version == version) {
      return one.table;
    }
  }
  return nullptr;
}

std::vector<std::string> misdeeds() {
  const std::lock_guard<std::mutex> lock(misdeeds_mutex);
  return all_misdeeds;
}

OnHostThread::OnHostThread() { ++on_host_thread; }
OnHostThread::~OnHostThread() { --on_host_thread; }

} // namespace small

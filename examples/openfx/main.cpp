// The plug-in as the host sees it: its two entry points, and what each action is answered with.
//
// No action but the button "Generate" sends anything that is billed, and none before the first instance starts a thread or opens a socket: hosts load and
// describe every plug-in when they start.
#include <algorithm>
#include <exception>
#include <new>
#include <string_view>

#include "plugin.hpp"

// The header says extern only, and everything else in here is hidden.
#if defined(_WIN32)
#define LTX_OFX_EXPORT
#else
#define LTX_OFX_EXPORT __attribute__((visibility("default")))
#endif

namespace {

using plugin::Instance;
using plugin::Plugin;

const OfxHost *the_host = nullptr;
// From Load to Unload. Not a static object: the host says when it goes, not the end of the process.
Plugin *loaded = nullptr;

host::Properties properties(OfxImageEffectHandle effect) {
  OfxPropertySetHandle handle = nullptr;
  loaded->suites().effect->getPropertySet(effect, &handle);
  return host::Properties(loaded->suites(), handle);
}

Instance &instance_of(OfxImageEffectHandle effect) { return *static_cast<Instance *>(properties(effect).pointer(kOfxPropInstanceData)); }

OfxStatus load() {
  host::Suites suites;
  if (!suites.fetch(the_host)) {
    return kOfxStatErrMissingHostFeature;
  }
  delete loaded; // a host that loads twice
  loaded = new Plugin(suites);
  return kOfxStatOK;
}

OfxStatus unload() {
  delete loaded;
  loaded = nullptr;
  return kOfxStatOK;
}

OfxStatus describe(OfxImageEffectHandle effect) {
  properties(effect)
      .set(kOfxPropLabel, "LTX Shot")
      .set(kOfxImageEffectPluginPropGrouping, "ltx-jobs")
      .set(kOfxPropPluginDescription, "HDR frames of a clip, made by the LTX service. \"Generate\" is billed.")
      .set(kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextGenerator, 0)
      .set(kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextFilter, 1)
      .set(kOfxImageEffectPropSupportedPixelDepths, kOfxBitDepthFloat, 0)
      .set(kOfxImageEffectPropSupportedPixelDepths, kOfxBitDepthShort, 1)
      .set(kOfxImageEffectPropSupportedPixelDepths, kOfxBitDepthByte, 2)
      // Each instance on one thread at a time, any number of instances at once.
      .set(kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderInstanceSafe)
      .set(kOfxImageEffectPluginPropHostFrameThreading, 0)
      // Whole frames: unpacking one for each of its tiles would be waste.
      .set(kOfxImageEffectPropSupportsTiles, 0)
      .set(kOfxImageEffectPropSupportsMultiResolution, 1)
      .set(kOfxImageEffectPropTemporalClipAccess, 0);
  return kOfxStatOK;
}

host::Properties define(OfxParamSetHandle set, const char *type, const char *name, const char *label, const char *hint) {
  OfxPropertySetHandle handle = nullptr;
  loaded->suites().param->paramDefine(set, type, name, &handle);
  host::Properties made(loaded->suites(), handle);
  made.set(kOfxPropLabel, label).set(kOfxParamPropHint, hint);
  return made;
}

void define_clip(OfxImageEffectHandle effect, const char *name) {
  OfxPropertySetHandle handle = nullptr;
  loaded->suites().effect->clipDefine(effect, name, &handle);
  host::Properties(loaded->suites(), handle).set(kOfxImageEffectPropSupportedComponents, kOfxImageComponentRGBA);
}

OfxStatus describe_in_context(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  if (host::Properties(loaded->suites(), in).text(kOfxImageEffectPropContext) == kOfxImageEffectContextFilter) {
    define_clip(effect, kOfxImageEffectSimpleSourceClipName);
  }
  define_clip(effect, kOfxImageEffectOutputClipName);

  OfxParamSetHandle set = nullptr;
  loaded->suites().effect->getParamSet(effect, &set);
  namespace param = plugin::param;
  define(set, kOfxParamTypeString, param::clip, "Clip", "The file that is sent to the service.")
      .set(kOfxParamPropStringMode, kOfxParamStringIsFilePath)
      .set(kOfxParamPropAnimates, 0)
      .set(kOfxParamPropEvaluateOnChange, 0);
  host::Properties colorspace = define(set, kOfxParamTypeChoice, param::colorspace, "Colour space", "What the frames come in.");
  colorspace.set(kOfxParamPropAnimates, 0).set(kOfxParamPropEvaluateOnChange, 0);
  int index = 0;
  for (const char *word : plugin::colorspaces) {
    colorspace.set(kOfxParamPropChoiceOption, word, index++);
  }
  define(set, kOfxParamTypeString, param::once, "Once key", "Such as sh010_v003: the same key with the same clip is the same job, and paid once.")
      .set(kOfxParamPropAnimates, 0)
      .set(kOfxParamPropEvaluateOnChange, 0);
  define(set, kOfxParamTypeString, param::max_cost, "Most it may cost", "US dollars, such as 2.50. What costs more is not sent.")
      .set(kOfxParamPropAnimates, 0)
      .set(kOfxParamPropEvaluateOnChange, 0);
  define(set, kOfxParamTypeInteger, param::first_frame, "First frame", "Where on the timeline the shot begins.")
      .set(kOfxParamPropDefault, 1)
      .set(kOfxParamPropAnimates, 0);
  define(set, kOfxParamTypePushButton, param::generate, "Generate", "Sends the clip. Billed when it succeeds.");
  define(set, kOfxParamTypePushButton, param::update, "Update", "Looks how it stands, and renders again.");
  define(set, kOfxParamTypeString, param::status, "Status", "")
      .set(kOfxParamPropStringMode, kOfxParamStringIsSingleLine)
      .set(kOfxParamPropEnabled, 0)
      .set(kOfxParamPropAnimates, 0)
      .set(kOfxParamPropPersistant, 0)
      .set(kOfxParamPropEvaluateOnChange, 0);
  // What makes a project that is opened again, and every node of a farm, find the same job.
  define(set, kOfxParamTypeString, param::job, "Job", "The reference of the job.").set(kOfxParamPropSecret, 1).set(kOfxParamPropAnimates, 0);
  define(set, kOfxParamTypeInteger, param::revision, "Revision", "").set(kOfxParamPropSecret, 1).set(kOfxParamPropAnimates, 0).set(kOfxParamPropPersistant, 0);
  return kOfxStatOK;
}

OfxStatus create(OfxImageEffectHandle effect) {
  OfxPropertySetHandle handle = nullptr;
  loaded->suites().effect->getPropertySet(effect, &handle);
  auto *made = new Instance(*loaded, effect);
  loaded->suites().property->propSetPointer(handle, kOfxPropInstanceData, 0, made);
  return kOfxStatOK;
}

OfxStatus destroy(OfxImageEffectHandle effect) {
  delete &instance_of(effect);
  return kOfxStatOK;
}

OfxStatus changed(OfxImageEffectHandle effect, OfxPropertySetHandle in) {
  const host::Properties what(loaded->suites(), in);
  // What we set ourselves comes here too, and is nobody's click.
  if (what.text(kOfxPropType) != kOfxTypeParameter || what.text(kOfxPropChangeReason) != kOfxChangeUserEdited) {
    return kOfxStatReplyDefault;
  }
  const std::string name = what.text(kOfxPropName);
  if (name == plugin::param::generate) {
    instance_of(effect).generate();
  } else if (name == plugin::param::update) {
    instance_of(effect).update();
  } else {
    return kOfxStatReplyDefault;
  }
  return kOfxStatOK;
}

// In front of the picture that is filtered stands ours, once there is one to come.
OfxStatus identity(OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  if (properties(effect).text(kOfxImageEffectPropContext) != kOfxImageEffectContextFilter || !instance_of(effect).params().text(plugin::param::job).empty()) {
    return kOfxStatReplyDefault;
  }
  host::Properties(loaded->suites(), out)
      .set(kOfxPropName, kOfxImageEffectSimpleSourceClipName)
      .set(kOfxPropTime, host::Properties(loaded->suites(), in).number(kOfxPropTime, 0));
  return kOfxStatOK;
}

OfxStatus region(OfxImageEffectHandle effect, OfxPropertySetHandle out) {
  const std::shared_ptr<shot::Shot> shot = instance_of(effect).known();
  const std::optional<shot::Size> size = shot ? shot->size() : std::nullopt;
  if (!size || properties(effect).text(kOfxImageEffectPropContext) == kOfxImageEffectContextFilter) {
    return kOfxStatReplyDefault;
  }
  const double aspect = properties(effect).number(kOfxImageEffectPropProjectPixelAspectRatio, 1);
  const double edges[] = {0, 0, size->width * aspect, static_cast<double>(size->height)};
  loaded->suites().property->propSetDoubleN(out, kOfxImageEffectPropRegionOfDefinition, 4, edges);
  return kOfxStatOK;
}

OfxStatus time_domain(OfxImageEffectHandle effect, OfxPropertySetHandle out) {
  Instance &instance = instance_of(effect);
  const std::shared_ptr<shot::Shot> shot = instance.known();
  const std::size_t frames = shot ? shot->look().frames : 0;
  if (frames == 0) {
    return kOfxStatReplyDefault;
  }
  const double first = instance.params().integer(plugin::param::first_frame, 1);
  const double range[] = {first, first + static_cast<double>(frames) - 1};
  loaded->suites().property->propSetDoubleN(out, kOfxImageEffectPropFrameRange, 2, range);
  return kOfxStatOK;
}

OfxStatus act(std::string_view action, OfxImageEffectHandle effect, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  if (action == kOfxActionLoad) {
    return load();
  }
  if (action == kOfxActionUnload) {
    return unload();
  }
  if (loaded == nullptr) {
    return kOfxStatErrFatal;
  }
  if (action == kOfxActionDescribe) {
    return describe(effect);
  }
  if (action == kOfxImageEffectActionDescribeInContext) {
    return describe_in_context(effect, in);
  }
  if (action == kOfxActionCreateInstance) {
    return create(effect);
  }
  if (action == kOfxActionDestroyInstance) {
    return destroy(effect);
  }
  if (action == kOfxActionInstanceChanged) {
    return changed(effect, in);
  }
  if (action == kOfxActionPurgeCaches) {
    instance_of(effect).purge();
    return kOfxStatOK;
  }
  if (action == kOfxImageEffectActionIsIdentity) {
    return identity(effect, in, out);
  }
  if (action == kOfxImageEffectActionGetRegionOfDefinition) {
    return region(effect, out);
  }
  if (action == kOfxImageEffectActionGetTimeDomain) {
    return time_domain(effect, out);
  }
  if (action == kOfxImageEffectActionRender) {
    return plugin::render(*loaded, instance_of(effect), in);
  }
  return kOfxStatReplyDefault;
}

OfxStatus main_entry(const char *action, const void *handle, OfxPropertySetHandle in, OfxPropertySetHandle out) {
  // No exception may reach the host.
  try {
    return act(action, static_cast<OfxImageEffectHandle>(const_cast<void *>(handle)), in, out);
  } catch (const std::bad_alloc &) {
    return kOfxStatErrMemory;
  } catch (const std::exception &) {
    return kOfxStatFailed;
  }
}

void set_host(OfxHost *host) { the_host = host; }

OfxPlugin shot_plugin = {kOfxImageEffectPluginApi, kOfxImageEffectPluginApiVersion, "org.ltx-jobs.examples.Shot", 1, 0, set_host, main_entry};

} // namespace

extern "C" {
LTX_OFX_EXPORT int OfxGetNumberOfPlugins(void) { return 1; }
LTX_OFX_EXPORT OfxPlugin *OfxGetPlugin(int nth) { return nth == 0 ? &shot_plugin : nullptr; }
}

// The plug-in of examples/openfx in the host that the OpenFX project ships: its HostSupport library finds, describes, caches and drives the plug-in; the clips
// and the rest of the host are those of its demo, to which this adds the parameters that the demo cannot hold (texts, numbers, menus) and a bar.
//
//   OFX_PLUGIN_PATH=FOLDER project_host
//
// C++14, because that library is not for later ones.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <ofxCore.h>
#include <ofxImageEffect.h>
#include <ofxPixels.h>

#include <ofxhBinary.h>
#include <ofxhPropertySuite.h>
#include <ofxhClip.h>
#include <ofxhParam.h>
#include <ofxhMemory.h>
#include <ofxhImageEffect.h>
#include <ofxhPluginAPICache.h>
#include <ofxhPluginCache.h>
#include <ofxhHost.h>
#include <ofxhImageEffectAPI.h>

#include <hostDemoHostDescriptor.h>
#include <hostDemoEffectInstance.h>
#include <hostDemoClipInstance.h>

#include "check.h"
#include "emulator.h"
#include "expected.hpp"

namespace {

namespace ofx = OFX::Host;

void step(const std::string &what) {
  static int number = 0;
  std::printf("openfx, the project's host %d: %s\n", ++number, what.c_str());
  std::fflush(stdout);
}

/** What is stored in a project. */
using Texts = std::map<std::string, std::string>;

class Text : public ofx::Param::StringInstance {
public:
  Text(ofx::Param::Descriptor &descriptor, ofx::Param::SetInstance *set, Texts &values)
      : ofx::Param::StringInstance(descriptor, set), value_(values[descriptor.getName()]) {}
  OfxStatus get(std::string &value) override {
    value = value_;
    return kOfxStatOK;
  }
  OfxStatus get(OfxTime, std::string &value) override { return get(value); }
  OfxStatus set(const char *value) override {
    value_ = value;
    return kOfxStatOK;
  }
  OfxStatus set(OfxTime, const char *value) override { return set(value); }

private:
  std::string &value_;
};

/** Whole numbers and menus. */
template <class Base> class Number : public Base {
public:
  Number(ofx::Param::Descriptor &descriptor, ofx::Param::SetInstance *set)
      : Base(descriptor, set), value_(descriptor.getProperties().getIntProperty(kOfxParamPropDefault)) {}
  OfxStatus get(int &value) override {
    value = value_;
    return kOfxStatOK;
  }
  OfxStatus get(OfxTime, int &value) override { return get(value); }
  OfxStatus set(int value) override {
    value_ = value;
    return kOfxStatOK;
  }
  OfxStatus set(OfxTime, int value) override { return set(value); }

private:
  int value_;
};

class Instance : public MyHost::MyEffectInstance {
public:
  Instance(ofx::ImageEffect::ImageEffectPlugin *plugin, ofx::ImageEffect::Descriptor &descriptor, const std::string &context, Texts &texts)
      : MyHost::MyEffectInstance(plugin, descriptor, context), texts_(texts) {}

  ofx::Param::Instance *newParam(const std::string &name, ofx::Param::Descriptor &descriptor) override {
    if (descriptor.getType() == kOfxParamTypeString) {
      return new Text(descriptor, this, texts_);
    }
    if (descriptor.getType() == kOfxParamTypeInteger) {
      return new Number<ofx::Param::IntegerInstance>(descriptor, this);
    }
    if (descriptor.getType() == kOfxParamTypeChoice) {
      return new Number<ofx::Param::ChoiceInstance>(descriptor, this);
    }
    return MyHost::MyEffectInstance::newParam(name, descriptor);
  }
  bool progressUpdate(double) override {
    ++bar_updates;
    return true;
  }
  int abort() override {
    ++polls;
    return 0;
  }

  int bar_updates = 0, polls = 0;

private:
  Texts &texts_;
};

class Host : public MyHost::Host {
public:
  ofx::ImageEffect::Instance *newInstance(void *texts, ofx::ImageEffect::ImageEffectPlugin *plugin, ofx::ImageEffect::Descriptor &descriptor,
                                          const std::string &context) override {
    return new Instance(plugin, descriptor, context, *static_cast<Texts *>(texts));
  }
};

/** An instance as the demo makes one: as a filter of its 8-bit clip, because its images have 8 bits whatever it agreed on with the plug-in. */
std::unique_ptr<Instance> instance(ofx::ImageEffect::ImageEffectPlugin &plugin, Texts &texts) {
  std::unique_ptr<Instance> made(dynamic_cast<Instance *>(plugin.createInstance(kOfxImageEffectContextFilter, &texts)));
  CHECK(made != nullptr);
  const OfxStatus status = made->createInstanceAction();
  CHECK(status == kOfxStatOK || status == kOfxStatReplyDefault);
  CHECK(made->getClipPreferences());
  return made;
}

void press(Instance &on, const char *name) {
  const OfxPointD scale = {1, 1};
  on.beginInstanceChangedAction(kOfxChangeUserEdited);
  CHECK_INT(on.paramInstanceChangedAction(name, kOfxChangeUserEdited, 0, scale), kOfxStatOK);
  on.endInstanceChangedAction(kOfxChangeUserEdited);
}

/** Renders frames `from` to `to` as the demo does, in the demo's 8 bits, and looks at every pixel. */
void render(Instance &on, int from, int to) {
  const OfxPointD scale = {1, 1};
  const OfxRectI window = {0, 0, 720, 576};
  const OfxRectD region = {0, 0, 768, 576};
  OfxStatus status = on.beginRenderAction(from, to, 1.0, false, scale, true, false);
  CHECK(status == kOfxStatOK || status == kOfxStatReplyDefault);
  auto *output = dynamic_cast<MyHost::MyClipInstance *>(on.getClip("Output"));
  CHECK(output != nullptr);
  for (int frame = from; frame <= to; ++frame) {
    std::map<ofx::ImageEffect::ClipInstance *, OfxRectD> regions;
    status = on.getRegionOfInterestAction(frame, scale, region, regions);
    CHECK(status == kOfxStatOK || status == kOfxStatReplyDefault);
    CHECK_INT(on.renderAction(frame, kOfxImageFieldBoth, window, scale, true, false, false), kOfxStatOK);
    std::vector<float> samples;
    samples.reserve(720 * 576 * 4);
    for (int y = 0; y < 576; ++y) {
      for (int x = 0; x < 720; ++x) {
        const OfxRGBAColourB *pixel = output->getOutputImage()->pixel(x, y);
        for (const int value : {pixel->r, pixel->g, pixel->b, pixel->a}) {
          samples.push_back(static_cast<float>(value) / 255.0F);
        }
      }
    }
    CHECK_INT(expected::wrong(samples, 720, 576, frame, true), 0);
  }
  status = on.endRenderAction(from, to, 1.0, false, scale, true, false);
  CHECK(status == kOfxStatOK || status == kOfxStatReplyDefault);
}

} // namespace

int main() {
  alarm(240);
  char *scratch = emulator_directory();
  emulator service;
  emulator_start(&service, "{\"job\":{\"pending_polls\":3},\"archive\":{\"frames\":6}}");
  setenv("LTX_BASE_URL", service.api_url, 1);
  setenv("LTXV_API_KEY", service.api_key, 1);
  setenv("LTX_JOURNAL", (std::string(scratch) + "/journal").c_str(), 1);
  setenv("LTX_POLL_INTERVAL", "20ms", 1);

  ofx::PluginCache::getPluginCache()->setCacheVersion("ltx-jobs");
  Host host;
  {
    ofx::ImageEffect::PluginCache cache(host);
    cache.registerInCache(*ofx::PluginCache::getPluginCache());
    ofx::PluginCache::getPluginCache()->scanPluginFiles();
    ofx::ImageEffect::ImageEffectPlugin *plugin = cache.getPluginById("org.ltx-jobs.examples.Shot");
    CHECK(plugin != nullptr);
    CHECK_INT(plugin->getContexts().size(), 2);
    std::ostringstream xml;
    ofx::PluginCache::getPluginCache()->writePluginCache(xml);
    CHECK(xml.str().find("InstanceSafe") != std::string::npos);
    CHECK_INT(emulator_count(&service, "*", "*"), 0);
    step("found, described and written into its cache; nothing was sent");

    Texts project;
    {
      const auto node = instance(*plugin, project);
      project["clip"] = emulator_clip();
      project["once"] = "sh010_v003";
      press(*node, "generate");
      CHECK(project["job"].rfind("video-to-video-hdr/", 0) == 0);
      CHECK(node->bar_updates > 0);
      step("generated: " + project["job"]);
      render(*node, 1, 3);
      press(*node, "update");
      CHECK_TEXT(project["status"].c_str(), "6 frames are there");
      step("waited for the job and rendered frames 1 to 3, every pixel as the emulator drew it; abort() was asked " + std::to_string(node->polls) + " times");
    }
    // What was saved, and nothing else.
    Texts again = {{"job", project["job"]}};
    const auto node = instance(*plugin, again);
    render(*node, 4, 6);
    CHECK_INT(emulator_count(&service, "POST", "/v2/video-to-video-hdr"), 1);
    step("opened again by the stored reference and rendered frames 4 to 6; one submit in all");
  }
  ofx::PluginCache::clearPluginCache();
  step("unloaded");
  emulator_stop(&service);
  CHECK_INT(std::system((std::string("rm -r ") + scratch).c_str()), 0);
  std::free(scratch);
  return 0;
}

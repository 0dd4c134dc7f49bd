// What the host gives us, in the words this plug-in needs. Suites come as tables of C functions and may be missing in older hosts.
#ifndef LTX_EXAMPLES_OPENFX_HOST_HPP
#define LTX_EXAMPLES_OPENFX_HOST_HPP

#include <string>

#include <ofxCore.h>
#include <ofxImageEffect.h>
#include <ofxMessage.h>
#include <ofxParam.h>
#include <ofxProgress.h>
#include <ofxProperty.h>

namespace host {

struct Suites {
  const OfxPropertySuiteV1 *property = nullptr;
  const OfxParameterSuiteV1 *param = nullptr;
  const OfxImageEffectSuiteV1 *effect = nullptr;
  // Not in every host.
  const OfxMessageSuiteV2 *message = nullptr;
  const OfxProgressSuiteV2 *progress2 = nullptr;
  const OfxProgressSuiteV1 *progress1 = nullptr;
  // Renders without anybody watching.
  bool background = false;

  /** False when the host has not what nothing works without. */
  bool fetch(const OfxHost *from);
};

/** A property set; what is missing has the value given. */
class Properties {
public:
  Properties(const Suites &suites, OfxPropertySetHandle handle) noexcept : suite_(suites.property), handle_(handle) {}

  Properties &set(const char *name, const char *value, int index = 0);
  Properties &set(const char *name, int value, int index = 0);
  Properties &set(const char *name, double value, int index = 0);
  std::string text(const char *name, int index = 0) const;
  int integer(const char *name, int otherwise, int index = 0) const;
  double number(const char *name, double otherwise, int index = 0) const;
  void *pointer(const char *name) const;

private:
  const OfxPropertySuiteV1 *suite_;
  OfxPropertySetHandle handle_;
};

/** The parameters of an instance, by name. Setting is for InstanceChanged alone: a host allows it nowhere else. */
class Params {
public:
  Params(const Suites &suites, OfxImageEffectHandle effect);

  /** Copied: a host may reuse the text at the next call. */
  std::string text(const char *name) const;
  int integer(const char *name, int otherwise) const;
  void set(const char *name, const std::string &value) const;
  void set(const char *name, int value) const;

private:
  OfxParamHandle handle(const char *name) const;

  const OfxParameterSuiteV1 *suite_;
  OfxParamSetHandle set_ = nullptr;
};

/** A message that stays on the node until it is cleared. Hosts without such show nothing. */
void show(const Suites &suites, OfxImageEffectHandle effect, const char *kind, const std::string &text);
void clear(const Suites &suites, OfxImageEffectHandle effect);

/** A progress bar with a way to give up, for as long as it lives. */
class Bar {
public:
  Bar(const Suites &suites, OfxImageEffectHandle effect, const char *label);
  ~Bar();
  Bar(const Bar &) = delete;
  Bar &operator=(const Bar &) = delete;
  /** From 0 to 1. False when the user gave up. */
  bool update(double done) const;

private:
  const Suites &suites_;
  OfxImageEffectHandle effect_;
};

} // namespace host

#endif

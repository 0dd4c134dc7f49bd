// See host.hpp.
#include "host.hpp"

namespace host {

namespace {

template <class Suite> const Suite *suite(const OfxHost *from, const char *name, int version) {
  return static_cast<const Suite *>(from->fetchSuite(from->host, name, version));
}

} // namespace

bool Suites::fetch(const OfxHost *from) {
  if (from == nullptr) {
    return false;
  }
  property = suite<OfxPropertySuiteV1>(from, kOfxPropertySuite, 1);
  param = suite<OfxParameterSuiteV1>(from, kOfxParameterSuite, 1);
  effect = suite<OfxImageEffectSuiteV1>(from, kOfxImageEffectSuite, 1);
  message = suite<OfxMessageSuiteV2>(from, kOfxMessageSuite, 2);
  progress2 = suite<OfxProgressSuiteV2>(from, kOfxProgressSuite, 2);
  progress1 = progress2 != nullptr ? nullptr : suite<OfxProgressSuiteV1>(from, kOfxProgressSuite, 1);
  if (property == nullptr || param == nullptr || effect == nullptr) {
    return false;
  }
  background = Properties(*this, from->host).integer(kOfxImageEffectHostPropIsBackground, 0) != 0;
  return true;
}

Properties &Properties::set(const char *name, const char *value, int index) {
  suite_->propSetString(handle_, name, index, value);
  return *this;
}

Properties &Properties::set(const char *name, int value, int index) {
  suite_->propSetInt(handle_, name, index, value);
  return *this;
}

Properties &Properties::set(const char *name, double value, int index) {
  suite_->propSetDouble(handle_, name, index, value);
  return *this;
}

std::string Properties::text(const char *name, int index) const {
  char *value = nullptr;
  return suite_->propGetString(handle_, name, index, &value) == kOfxStatOK && value != nullptr ? std::string(value) : std::string();
}

int Properties::integer(const char *name, int otherwise, int index) const {
  int value = otherwise;
  return suite_->propGetInt(handle_, name, index, &value) == kOfxStatOK ? value : otherwise;
}

double Properties::number(const char *name, double otherwise, int index) const {
  double value = otherwise;
  return suite_->propGetDouble(handle_, name, index, &value) == kOfxStatOK ? value : otherwise;
}

void *Properties::pointer(const char *name) const {
  void *value = nullptr;
  return suite_->propGetPointer(handle_, name, 0, &value) == kOfxStatOK ? value : nullptr;
}

Params::Params(const Suites &suites, OfxImageEffectHandle effect) : suite_(suites.param) { suites.effect->getParamSet(effect, &set_); }

OfxParamHandle Params::handle(const char *name) const {
  OfxParamHandle found = nullptr;
  return suite_->paramGetHandle(set_, name, &found, nullptr) == kOfxStatOK ? found : nullptr;
}

std::string Params::text(const char *name) const {
  char *value = nullptr;
  const OfxParamHandle at = handle(name);
  return at != nullptr && suite_->paramGetValue(at, &value) == kOfxStatOK && value != nullptr ? std::string(value) : std::string();
}

int Params::integer(const char *name, int otherwise) const {
  int value = otherwise;
  const OfxParamHandle at = handle(name);
  return at != nullptr && suite_->paramGetValue(at, &value) == kOfxStatOK ? value : otherwise;
}

void Params::set(const char *name, const std::string &value) const {
  if (const OfxParamHandle at = handle(name)) {
    suite_->paramSetValue(at, value.c_str());
  }
}

void Params::set(const char *name, int value) const {
  if (const OfxParamHandle at = handle(name)) {
    suite_->paramSetValue(at, value);
  }
}

void show(const Suites &suites, OfxImageEffectHandle effect, const char *kind, const std::string &text) {
  if (suites.message != nullptr) {
    suites.message->setPersistentMessage(effect, kind, "", "%s", text.c_str());
  }
}

void clear(const Suites &suites, OfxImageEffectHandle effect) {
  if (suites.message != nullptr) {
    suites.message->clearPersistentMessage(effect);
  }
}

Bar::Bar(const Suites &suites, OfxImageEffectHandle effect, const char *label) : suites_(suites), effect_(effect) {
  if (suites_.progress2 != nullptr) {
    suites_.progress2->progressStart(effect_, label, "");
  } else if (suites_.progress1 != nullptr) {
    suites_.progress1->progressStart(effect_, label);
  }
}

Bar::~Bar() {
  if (suites_.progress2 != nullptr) {
    suites_.progress2->progressEnd(effect_);
  } else if (suites_.progress1 != nullptr) {
    suites_.progress1->progressEnd(effect_);
  }
}

bool Bar::update(double done) const {
  OfxStatus status = kOfxStatOK;
  if (suites_.progress2 != nullptr) {
    status = suites_.progress2->progressUpdate(effect_, done);
  } else if (suites_.progress1 != nullptr) {
    status = suites_.progress1->progressUpdate(effect_, done);
  }
  return status != kOfxStatReplyNo;
}

} // namespace host

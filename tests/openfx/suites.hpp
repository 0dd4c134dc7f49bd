// The one door to the suites: what OfxHost::fetchSuite is.
#ifndef LTX_TESTS_OPENFX_SUITES_HPP
#define LTX_TESTS_OPENFX_SUITES_HPP

#include <ofxCore.h>

namespace small {

const void *suite(OfxPropertySetHandle host, const char *name, int version);

} // namespace small

#endif

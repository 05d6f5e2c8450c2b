// The entry point that all test programs share.
#define BOOST_TEST_MODULE keywarden
#include <boost/test/unit_test.hpp>

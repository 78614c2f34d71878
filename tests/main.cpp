// The test runner's main, once for every test program.
#define BOOST_TEST_MODULE sluice
#include <boost/test/unit_test.hpp>

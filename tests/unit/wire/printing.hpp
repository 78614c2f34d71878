#pragma once
// What Boost.Test compares and cannot print.

#include <sluice/wire/usage.hpp>

#include <boost/test/unit_test.hpp>

BOOST_TEST_DONT_PRINT_LOG_VALUE(sluice::wire::usage)

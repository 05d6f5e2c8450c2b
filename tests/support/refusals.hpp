/// @file
/// Assertions about results that say, when they fail, what came instead.
#pragma once

#include <string>

#include <boost/test/tools/assertion_result.hpp>

#include <keywarden/core/result.hpp>
#include <keywarden/core/status.hpp>

namespace keywarden::testing {

/// Holds when `outcome` is a refusal with exactly this code.
template <class T>
[[nodiscard]] boost::test_tools::assertion_result refused_as(errc code, const result<T>& outcome) {
  if (!outcome && outcome.error() == code) return true;
  boost::test_tools::assertion_result failed(false);
  failed.message() << "expected " << std::string(name_of(code)) << ", got "
                   << (outcome ? "a value"
                               : std::string(name_of(outcome.error().code())) + ": " +
                                     outcome.error().message());
  return failed;
}

/// Holds when `outcome` is a value.
template <class T>
[[nodiscard]] boost::test_tools::assertion_result accepted(const result<T>& outcome) {
  if (outcome) return true;
  boost::test_tools::assertion_result failed(false);
  failed.message() << "refused: " << outcome.error().message();
  return failed;
}

/// The same for a refusal without facts.
[[nodiscard]] inline boost::test_tools::assertion_result refused_as(errc code, status outcome) {
  return refused_as(code, result<void>(outcome));
}
[[nodiscard]] inline boost::test_tools::assertion_result accepted(status outcome) {
  return accepted(result<void>(outcome));
}

}  // namespace keywarden::testing

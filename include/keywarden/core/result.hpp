/// @file
/// `result<T>`: a value or a typed refusal.
#pragma once

#include <concepts>
#include <stdexcept>

#include <boost/system/result.hpp>

#include <keywarden/core/error.hpp>

namespace keywarden {

/// What `result::value()` throws when there is no value. Nothing else in Keywarden throws.
class refused : public std::runtime_error {
 public:
  explicit refused(const error& reason) : std::runtime_error(reason.message()), reason_(reason) {}

  /// The typed refusal.
  [[nodiscard]] const error& reason() const noexcept { return reason_; }

 private:
  error reason_;
};

/// A value of `T`, or an `error` that says why there is none.
///
/// Test it like a pointer, then use `*r`; or call `r.value()`, which throws `refused`, and does not
/// compile where exceptions are turned off.
template <class T>
using result = boost::system::result<T, error>;

/// What `boost::system::result` calls (found by argument-dependent look-up) from `value()`.
#if defined(__cpp_exceptions)
[[noreturn]] inline void throw_exception_from_error(const error& reason,
                                                    const boost::source_location& /*where*/) {
  throw refused(reason);
}
#else
template <std::same_as<error> Error>
void throw_exception_from_error(const Error& /*reason*/, const boost::source_location& /*where*/) {
  static_assert(!std::same_as<Error, error>,
                "value() throws, and exceptions are turned off here: test the result, then use *");
}
#endif

/// Success without a value, spelled so that it reads: `return done();`.
[[nodiscard]] inline result<void> done() { return {}; }

}  // namespace keywarden

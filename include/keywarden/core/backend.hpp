/// @file
/// The one place where the cryptographic library's exceptions become typed refusals.
#pragma once

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include <botan/exceptn.h>

#include <keywarden/core/status.hpp>

#if !defined(__cpp_exceptions)
#error \
    "Keywarden catches what Botan throws: compile what includes this with exceptions. Your code needs no try, throw or catch; what is compiled with -fno-exceptions may include the headers that compute nothing, such as keywarden/core/result.hpp."
#endif

namespace keywarden::detail {

/// `T` as a result, once: what already is one stays as it is.
template <class T>
struct as_result {
  using type = result<T>;
};
template <class T>
struct as_result<result<T>> {
  using type = result<T>;
};

/// Calls `operation` and turns what it throws into an `error`: what Botan throws, and any other
/// standard exception, of a program's own callback for instance.
///
/// Errors: `authentication_failed` for a wrong tag; `malformed` for what does not decode;
/// `invalid_argument` for what Botan calls an invalid argument; `backend_missing` for an algorithm
/// that was not built in; `backend_failed` for the rest with its reason, TLS's own refusals
/// carrying the number of their alert (`fact::alert`); what `refused` carries. The operation may
/// itself return a `result`. Running out of memory (`std::bad_alloc`) is let through, and so is
/// what is no `std::exception`.
template <class Operation>
[[nodiscard]] auto guarded(std::string_view what, Operation&& operation) ->
    typename as_result<std::invoke_result_t<Operation>>::type {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Operation>>) {
      std::forward<Operation>(operation)();
      return {};
    } else {
      return std::forward<Operation>(operation)();
    }
  } catch (const Botan::Invalid_Authentication_Tag&) {
    return error(errc::authentication_failed).with(fact::operation, what);
  } catch (const Botan::Decoding_Error&) {
    return error(errc::malformed).with(fact::operation, what);
  } catch (const Botan::Lookup_Error& missing) {
    return error(errc::backend_missing)
        .with(fact::operation, what)
        .with(fact::reason, missing.what());
  } catch (const Botan::Invalid_Argument& wrong) {
    return error(errc::invalid_argument)
        .with(fact::operation, what)
        .with(fact::reason, wrong.what());
  } catch (const Botan::Exception& other) {
    auto made =
        error(errc::backend_failed).with(fact::operation, what).with(fact::reason, other.what());
    if (other.error_type() != Botan::ErrorType::TLSError) return made;
    return std::move(made).with(fact::alert, other.error_code());
  } catch (const refused& refusal) {
    return refusal.reason();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& other) {
    return error(errc::backend_failed).with(fact::operation, what).with(fact::reason, other.what());
  }
}

/// The same for paths where an `error` would cost: only the code of what went wrong.
template <class Operation>
  requires std::is_void_v<std::invoke_result_t<Operation>>
[[nodiscard]] inline status guarded_status(Operation&& operation) {
  try {
    std::forward<Operation>(operation)();
    return {};
  } catch (const Botan::Invalid_Authentication_Tag&) {
    return errc::authentication_failed;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return errc::backend_failed;
  }
}

/// The same for what a C library calls back, through which nothing may be thrown, not even that
/// memory ran out: only whether it was done.
template <class Operation>
[[nodiscard]] inline bool contained(Operation&& operation) noexcept {
  try {
    std::forward<Operation>(operation)();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace keywarden::detail

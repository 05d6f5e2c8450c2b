/// @file
/// Either TLS engine behind one type, so that a test runs over both and is compiled once.
#pragma once

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keywarden/transport/tls.hpp>
#ifdef KEYWARDEN_TESTS_LIBSSL
#include <keywarden/transport/libssl/tls13.hpp>
#endif

namespace keywarden::testing {

enum class engine { botan, libssl };

/// The engine that this run is about: Botan's, or OpenSSL's with KEYWARDEN_TEST_ENGINE=libssl.
[[nodiscard]] inline engine engine_of_this_run() {
  static const engine chosen = [] {
    const char* const name = std::getenv("KEYWARDEN_TEST_ENGINE");
    return name != nullptr && std::string_view(name) == "libssl" ? engine::libssl : engine::botan;
  }();
  return chosen;
}
[[nodiscard]] inline bool over_libssl() { return engine_of_this_run() == engine::libssl; }
/// What is expected of the engine of this run, where the two differ.
template <class T>
[[nodiscard]] T by_engine(T botan, std::type_identity_t<T> libssl) {
  return over_libssl() ? libssl : botan;
}

/// Where connections of an authenticator begin, over one engine or the other: TLS 1.3.
template <class Authenticator>
class doors {
 public:
  template <class Algorithms = transport::algorithms<transport::algorithm::aes>>
  [[nodiscard]] static result<doors> create(const Authenticator& with,
                                            [[maybe_unused]] engine by = engine_of_this_run()) {
    using namespace transport;
#ifdef KEYWARDEN_TESTS_LIBSSL
    if (by == engine::libssl)
      return over<
          typename libssl::tls13<classical_only, Algorithms>::template context<Authenticator>>(
          with);
#endif
    return over<typename tls13<hybrid_or_classical, Algorithms>::template context<Authenticator>>(
        with);
  }

  [[nodiscard]] result<transport::handshake> accept() const { return accept_(); }
  [[nodiscard]] result<transport::handshake> connect(std::string dialled,
                                                     std::string expected = {}) const {
    return connect_(std::move(dialled), std::move(expected));
  }

 private:
  template <class Context>
  [[nodiscard]] static result<doors> over(const Authenticator& with) {
    auto made = Context::create(with);
    if (!made) return made.error();
    doors opened;
    opened.accept_ = [from = *made] { return from.accept(); };
    opened.connect_ = [from = *made](std::string dialled, std::string expected) {
      return from.connect(std::move(dialled), std::move(expected));
    };
    return opened;
  }

  std::function<result<transport::handshake>()> accept_;
  std::function<result<transport::handshake>(std::string, std::string)> connect_;
};

}  // namespace keywarden::testing

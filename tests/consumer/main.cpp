// A program outside the project: what it needs is found through what Keywarden's packaging says
// alone.
#ifdef WITH_EVERYTHING
#include "everything.hpp"
#endif
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/crypto/aead.hpp>

#include "program.hpp"

#ifdef WITH_LIBCRYPTO
#include <keywarden/crypto/libcrypto/aead.hpp>

// With a component it uses what the component's own library does.
using cipher = keywarden::crypto::libcrypto::aes256_gcm;
#else
using cipher = keywarden::crypto::aes256_gcm;
#endif

namespace crypto = keywarden::crypto;

class safe {
 public:
  explicit safe(cipher::context made) : context(std::move(made)) {}
  cipher::context context;
};

safe* open_safe() {
  const auto key = keywarden::random_key();
  if (!key) return nullptr;
  auto made = cipher::context::create(*key);
  return made ? new safe(std::move(*made)) : nullptr;
}

void close_safe(safe* opened) noexcept { delete opened; }

keywarden::result<keywarden::bytes> seal(safe& opened, keywarden::bytes_view data) {
  keywarden::bytes sealed(data.begin(), data.end());
  crypto::tag tag;
  if (const auto done = opened.context.seal({}, {}, sealed, tag); !done) return done.error();
  const auto end = tag.view();
  sealed.insert(sealed.end(), end.begin(), end.end());
  return sealed;
}

keywarden::result<keywarden::bytes> open(safe& opened, keywarden::bytes_view sealed) {
  if (sealed.size() < crypto::tag::size) return keywarden::errc::malformed;
  const crypto::tag tag(sealed.last<crypto::tag::size>());
  const auto rest = sealed.first(sealed.size() - crypto::tag::size);
  keywarden::bytes data(rest.begin(), rest.end());
  if (const auto done = opened.context.open({}, {}, data, tag); !done) return done.error();
  return data;
}

// With exceptions: a refusal that is not looked at is thrown as what it is.
bool works_with_exceptions() {
  auto* const opened = open_safe();
  try {
    (void)open(*opened, {}).value();
  } catch (const keywarden::refused& refusal) {
    close_safe(opened);
    return refusal.reason() == keywarden::errc::malformed;
  }
  return false;
}

int main() {
#ifdef WITH_EVERYTHING
  if (in_the_other_unit() != 7) return 1;
#endif
  return works_with_exceptions() && works_without_exceptions() ? 0 : 1;
}

// A part of the consumer that is compiled with -fno-exceptions. It includes what may be included
// so, and talks to the rest of the program in results.
#include <keywarden/core/bytes.hpp>
#include <keywarden/core/clock.hpp>
#include <keywarden/core/error.hpp>
#include <keywarden/core/fork.hpp>
#include <keywarden/core/hazmat.hpp>
#include <keywarden/core/printable.hpp>
#include <keywarden/core/profile.hpp>
#include <keywarden/core/recent.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/core/status.hpp>
#include <keywarden/core/strong.hpp>

#include "program.hpp"

bool works_without_exceptions() {
  safe* const opened = open_safe();
  if (opened == nullptr) return false;
  const keywarden::bytes data = {1, 2, 3};
  auto sealed = seal(*opened, data);
  const auto again = sealed ? open(*opened, *sealed) : sealed;
  const bool same = again && *again == data;
  if (sealed) sealed->back() ^= 1;
  const auto refused = sealed ? open(*opened, *sealed) : sealed;
  close_safe(opened);
  return same && !refused && refused.error() == keywarden::errc::authentication_failed;
}

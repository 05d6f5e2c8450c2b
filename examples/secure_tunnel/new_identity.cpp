#include "new_identity.hpp"

#include <sys/stat.h>

#include <fstream>

#include <keywarden/pki/files.hpp>
#include <keywarden/pki/self_signed.hpp>

#include "identity_folder.hpp"

namespace tunnel {

namespace fs = std::filesystem;

std::string make_identity(const fs::path& folder, const std::string& name) {
  ::umask(077);
  for (const auto* each : {"own", "peers"}) fs::create_directories(folder / each);
  std::ofstream(folder / "grants", std::ios::app).close();
  if (!fs::exists(folder / "password")) {
    kw::plaintext drawn(24);
    kw::system_random::fill(drawn.view()).value();
    std::ofstream(folder / "password") << kw::to_base64(drawn.view()) << '\n';
  }
  const auto now = kw::system_clock::now();
  const auto key = kw::pki::signing_key::generate().value();
  const auto made = kw::pki::make_self_signed(key, {.subject = name}, now).value();
  auto stem = kw::pki::to_text(now);  // sorts, and no two are made in the same second
  std::erase(stem, ':');
  const auto path = folder / "own" / (stem + ".crt");
  // The key first: a certificate without one would stop the next reload.
  kw::pki::write_private_key(fs::path(path).replace_extension(".key"), key, read_password(folder),
                             kw::pki::encoding::pem)
      .value();
  kw::pki::write_certificate(path, made, kw::pki::encoding::pem).value();
  return kw::pki::exchange_text(made, path);
}

}  // namespace tunnel

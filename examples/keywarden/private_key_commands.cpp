// certificate and asymmetric-key: private keys in a database, whose public keys protect symmetric
// keys.

#include "commands.hpp"
#include "files.hpp"
#include "own_password.hpp"
#include "session.hpp"

namespace cli {

using keywarden::password;
using keywarden::result;
using kind = option::kind;

namespace role = keywarden::role;
namespace crypto = keywarden::crypto;

namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20U;

template <class Role>
auto keys_of(database& in) {
  if constexpr (std::same_as<Role, role::certificate>)
    return in.certificates();
  else
    return in.asymmetric_keys();
}

template <class Role>
using with_private_key =
    std::function<result<answer>(decltype(keys_of<Role>(std::declval<database&>())),
                                 const keywarden::object_name&, const password* own)>;

template <class Role>
result<answer> with_named(context& at, const with_private_key<Role>& use) {
  auto name = name_operand(at, 1);
  if (!name) return name.error();
  return with_keys(at, [&](database& in, const password* own) -> result<answer> {
    auto needed = given_password_needed(at, keys_of<Role>(in), *name, own);
    if (!needed) return needed.error();
    return use(keys_of<Role>(in), *name, own);
  });
}

template <crypto::kem Kem, class Keys>
result<void> create_pair(Keys keys, const keywarden::object_name& name,
                         std::optional<password>& protection) {
  if (!protection) return keys.template create<Kem>(name);
  return keys.template create<Kem>(name, keywarden::by::password{protection->duplicate()});
}

template <class Role>
result<answer> create(context& at) {
  const auto kem = at.call.value("kem").value_or("x-wing");
  std::optional<password> protection;
  if (at.call.has("new-password") || at.call.has("own-password")) {
    auto read = read_password(at.call, "new-password");
    if (!read) return read.error();
    protection = std::move(*read);
  }
  return with_named<Role>(at, [&](auto keys, const auto& name, const password*) -> result<answer> {
    const std::string text = "Made " + name.text() + ".";
    if (kem == "x-wing") return said(create_pair<crypto::x_wing>(keys, name, protection), text);
    if (kem == "p256") return said(create_pair<crypto::dhkem_p256>(keys, name, protection), text);
    if (kem == "x25519")
      return said(create_pair<crypto::dhkem_x25519>(keys, name, protection), text);
    if (kem == "rsa-oaep")
      return said(create_pair<crypto::rsa_oaep<2048>>(keys, name, protection), text);
    return usage_error("--kem takes x-wing, p256, x25519 or rsa-oaep", "");
  });
}

result<answer> import_certificate(context& at) {
  auto certificate_path = required(at, "certificate");
  if (!certificate_path) return certificate_path.error();
  auto key_path = required(at, "private-key");
  if (!key_path) return key_path.error();
  auto certificate = read_file(*certificate_path, largest_file);
  if (!certificate) return certificate.error();
  auto key = read_file(*key_path, largest_file);
  if (!key) return key.error();
  const auto pkcs8 = keywarden::secret_key::copy_of(key->view());
  return with_named<role::certificate>(at, [&](auto keys, const auto& name, const password*) {
    return said(
        keys.import(name, certificate->view(), pkcs8),
        "Imported " + name.text() + ". Delete the private key's file, or keep it somewhere safe.");
  });
}

template <class Role>
result<answer> list(context& at) {
  return in_database(at, [](database& in) { return listed(keys_of<Role>(in).list(), "keys"); });
}

template <class Role>
result<answer> public_key(context& at) {
  return with_named<Role>(at, [&](auto keys, const auto& name, const password*) -> result<answer> {
    auto data = keys.public_key(name);
    if (!data) return data.error();
    if (auto output = at.call.value("output"))
      return said(write_file(*output, at.call.has("overwrite"), *data),
                  "Wrote the public key to " + *output + ".");
    answer made(keywarden::to_base64(*data));
    made.facts["public_key"] = made.text;
    return made;
  });
}

template <class Role>
result<answer> backup(context& at) {
  auto output = required(at, "output");
  if (!output) return output.error();
  auto protection = read_password(at.call, "backup-password");
  if (!protection) return protection.error();
  return with_named<Role>(at,
                          [&](auto keys, const auto& name, const password* own) -> result<answer> {
                            auto data = keys.backup(name, *protection, own);
                            if (!data) return data.error();
                            return said(write_file(*output, at.call.has("overwrite"), *data),
                                        "Backed up " + name.text() + " to " + *output + ".");
                          });
}

template <class Role>
result<answer> restore(context& at) {
  auto input = required(at, "input");
  if (!input) return input.error();
  auto data = read_file(*input, largest_file);
  if (!data) return data.error();
  auto file_password = read_password(at.call, "backup-password");
  if (!file_password) return file_password.error();
  return with_named<Role>(at, [&](auto keys, const auto& name, const password*) {
    return said(keys.restore(name, data->view(), *file_password), "Restored " + name.text() + ".");
  });
}

template <class Role>
result<answer> change_protection(context& at) {
  std::optional<password> to;
  if (!at.call.has("by-master-key")) {
    auto read = read_password(at.call, "new-password");
    if (!read) return read.error();
    to = std::move(*read);
  }
  return with_named<Role>(at, [&](auto keys, const auto& name, const password* own) {
    return said(keys.change_protection(name, own, to ? &*to : nullptr),
                "Changed what opens " + name.text() + ".");
  });
}

template <class Role>
result<answer> remove_private_key(context& at) {
  return with_named<Role>(at, [](auto keys, const auto& name, const password* own) {
    return said(keys.remove_private_key(name, own),
                "Forgot the private key of " + name.text() + ".");
  });
}

template <class Role>
result<answer> drop(context& at) {
  return with_named<Role>(at, [](auto keys, const auto& name, const password*) {
    return said(keys.drop(name), "Dropped " + name.text() + ".");
  });
}

constexpr option fresh_password{"new-password", kind::new_password, "the private key", {}};

template <class Role>
std::vector<command> commands_of(const std::array<std::string_view, 8>& names) {
  const std::vector<std::string_view> key{"DATABASE", "NAME"};
  const std::vector<option> opening{options::master_key_password, options::key_password};
  return {
      {names[0],
       key,
       {{"kem", kind::value, "MECHANISM",
         "x-wing (the default, post-quantum hybrid), p256, x25519 or rsa-oaep"},
        {"own-password",
         kind::flag,
         {},
         "under a password of its own instead of the database master key"},
        fresh_password,
        options::master_key_password},
       "Make a key pair; its public key can protect symmetric keys.",
       create<Role>},
      {names[1], {"DATABASE"}, {}, "List the names.", list<Role>},
      {names[2],
       key,
       {options::backup_to, options::overwrite},
       "Show or write a public key.",
       public_key<Role>},
      {names[3],
       key,
       {options::backup_to, options::overwrite, options::new_backup_password,
        options::master_key_password, options::key_password},
       "Write a private key to a file under a password.",
       backup<Role>},
      {names[4],
       key,
       {options::backup_from, options::backup_password, options::master_key_password},
       "Bring a backed-up private key back, under the database master key.",
       restore<Role>},
      {names[5],
       key,
       {{"by-master-key", kind::flag, {}, "by the database master key instead of a password"},
        fresh_password,
        options::master_key_password,
        options::key_password},
       "Change what opens a private key.",
       change_protection<Role>},
      {names[6], key, opening, "Forget a private key, keep the public one.",
       remove_private_key<Role>},
      {names[7],
       key,
       {},
       "Drop a key pair. Refused while a symmetric key is protected by it.",
       drop<Role>},
  };
}

}  // namespace

std::vector<command> private_key_commands() {
  auto all = commands_of<role::certificate>({"certificate create", "certificate list",
                                             "certificate public-key", "certificate backup",
                                             "certificate restore", "certificate change-protection",
                                             "certificate remove-private-key", "certificate drop"});
  all.insert(all.begin() + 1,
             {"certificate import",
              {"DATABASE", "NAME"},
              {{"certificate", kind::value, "FILE", "the certificate, DER"},
               {"private-key", kind::value, "FILE", "its private key, unencrypted PKCS#8 DER"},
               options::master_key_password},
              "Import a certificate with its private key.",
              import_certificate});
  auto more = commands_of<role::asymmetric_key>(
      {"asymmetric-key create", "asymmetric-key list", "asymmetric-key public-key",
       "asymmetric-key backup", "asymmetric-key restore", "asymmetric-key change-protection",
       "asymmetric-key remove-private-key", "asymmetric-key drop"});
  std::ranges::move(more, std::back_inserter(all));
  return all;
}

}  // namespace cli

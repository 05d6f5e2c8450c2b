// credential and linked-server: the server's own secrets, under the service master key.

#include <unistd.h>

#include "commands.hpp"
#include "files.hpp"
#include "session.hpp"

namespace cli {

using keywarden::result;
using kind = option::kind;

namespace role = keywarden::role;

namespace {

template <class Role>
auto secrets_of(const vault& in) {
  if constexpr (std::same_as<Role, role::credential>)
    return in.credentials();
  else
    return in.linked_servers();
}

template <class Role>
using with_secrets = std::function<result<answer>(
    decltype(secrets_of<Role>(std::declval<const vault&>())), const keywarden::object_name&)>;

template <class Role>
result<answer> with_named(context& at, const with_secrets<Role>& use) {
  auto name = name_operand(at, 0);
  if (!name) return name.error();
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  return use(secrets_of<Role>(*opened), *name);
}

template <class Role>
result<answer> put(context& at) {
  auto identity = required(at, "identity");
  if (!identity) return identity.error();
  auto secret = read_secret(at.call, "secret");
  if (!secret) return secret.error();
  return with_named<Role>(at, [&](auto secrets, const auto& name) {
    return said(secrets.put(name, *identity, secret->view()),
                "Stored the secret of " + name.text() + ".");
  });
}

// The secret goes where it was asked for, never into a text.
template <class Role>
result<answer> get(context& at) {
  const auto output = at.call.value("output");
  const bool only_identity = at.call.has("identity");
  if (at.for_machines() && !output && !only_identity)
    return usage_error("--json needs --output or --identity: a secret is not put into JSON", "");
  return with_named<Role>(at, [&](auto secrets, const auto& name) -> result<answer> {
    auto found = secrets.get(name);
    if (!found) return found.error();
    answer made;
    made.facts = {{"name", name.text()}, {"identity", found->identity}};
    if (only_identity) {
      made.text = found->identity;
      return made;
    }
    if (output) {
      made.text = "Wrote the secret of " + found->identity + " to " + *output + ".";
      if (auto written = write_file(*output, at.call.has("overwrite"), found->secret.view());
          !written)
        return written.error();
      return made;
    }
    keywarden::fd_sink out(STDOUT_FILENO);
    if (auto written = out.write(found->secret.view()); !written) return written.error();
    if (::isatty(STDOUT_FILENO) == 1) made.text = "\n";
    return made;
  });
}

template <class Role>
result<answer> list(context& at) {
  auto opened = open_vault(at);
  if (!opened) return opened.error();
  return listed(secrets_of<Role>(*opened).list(), "names");
}

template <class Role>
result<answer> drop(context& at) {
  return with_named<Role>(at, [](auto secrets, const auto& name) {
    return said(secrets.drop(name), "Dropped " + name.text() + ".");
  });
}

template <class Role>
std::vector<command> commands_of(const std::array<std::string_view, 4>& names) {
  return {
      {names[0],
       {"NAME"},
       {{"identity", kind::value, "WHO", "the login or user name, not secret"},
        {"secret", kind::new_password, "that identity", {}}},
       "Store an identity with its secret, in place of one of this name.",
       put<Role>},
      {names[1],
       {"NAME"},
       {{"identity", kind::flag, {}, "show the identity instead of the secret"},
        {"output", kind::value, "FILE", "where the secret goes (default: standard output)"},
        options::overwrite},
       "Give a stored secret.",
       get<Role>},
      {names[2], {}, {}, "List the names.", list<Role>},
      {names[3], {"NAME"}, {}, "Drop a stored secret.", drop<Role>},
  };
}

}  // namespace

std::vector<command> server_secret_commands() {
  auto all = commands_of<role::credential>(
      {"credential put", "credential get", "credential list", "credential drop"});
  std::ranges::move(commands_of<role::linked_server>({"linked-server put", "linked-server get",
                                                      "linked-server list", "linked-server drop"}),
                    std::back_inserter(all));
  return all;
}

}  // namespace cli

// `ashlar completion SHELL`: each asks `ashlar __complete` for what fits.
#include "cli/program_commands.h"

namespace ashlar::cli {
namespace {

// COMP_WORDBREAKS has ':' in it, and names have too; bash must be given what stands behind the last colon.
constexpr char bash_script[] = R"script(# bash completion for ashlar:  source <(ashlar completion bash)
_ashlar() {
  local line words i before typed=${COMP_LINE:0:COMP_POINT}
  read -ra words <<< "$typed"
  [[ $typed == *[[:space:]] ]] && words+=("")
  local last=${words[-1]}
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("$(printf '%q' "$line")")
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
  if [[ $last == *:* && $COMP_WORDBREAKS == *:* ]]; then
    before=${last%"${last##*:}"}
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$before"}; done
  fi
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _ashlar ashlar
)script";

constexpr char zsh_script[] = R"script(#compdef ashlar
# zsh completion for ashlar:  ashlar completion zsh > "${fpath[1]}/_ashlar"
_ashlar() {
  local -a found
  found=("${(@f)$(${words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(${found:#})
  if (( ${#found} )); then
    compadd -- "${found[@]}"
  else
    _files
  fi
}
if [[ ${funcstack[1]} == _ashlar ]]; then
  _ashlar "$@"
else
  compdef _ashlar ashlar
fi
)script";

constexpr char fish_script[] = R"script(# fish completion for ashlar:  ashlar completion fish | source
function __ashlar_complete
  set -l words (commandline -opc)
  set -l program $words[1]
  set -e words[1]
  $program __complete $words (commandline -ct) 2>/dev/null
end
complete -c ashlar -f -a '(__ashlar_complete)'
complete -c ashlar -F -n 'string match -qr -- "^(-f|--file|--ca)\$" (commandline -opc)[-1]'
)script";

}  // namespace

Result<void> print_completion(Invocation& invocation) {
  const std::string shell = invocation.text("SHELL");
  if (shell == "bash") {
    invocation.data(bash_script);
  } else if (shell == "zsh") {
    invocation.data(zsh_script);
  } else if (shell == "fish") {
    invocation.data(fish_script);
  } else {
    return invocation.usage("SHELL", "bash, zsh or fish");
  }
  return {};
}

}  // namespace ashlar::cli

# SPDX-License-Identifier: GPL-2.0-only
# bash completion for lguest and its applets, whether they are called by their
# own names or as words of `lguest`.
#
# An applet NAME needs nothing here to have its options completed: they come
# from its --help.  One that wants more brings a function _lguest_NAME, which
# reads $command (what to run), $cur, $before (the option whose value $cur is,
# or empty) and the array words (the applet, then what follows), and fills
# COMPREPLY.

_lguest_reply() {	# _lguest_reply WORD...: those that fit
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
	# No blank behind what wants a value.
	if [ ${#COMPREPLY[@]} = 1 ] && [[ ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

_lguest_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# The options in a --help, with a = behind those that want a value.
_lguest_options() {
	$command --help 2>/dev/null |
		sed -n 's/^ .*\(--[a-z0-9-]*=\{0,1\}\).*/\1/p'
}

_lguest_default() {
	if [[ $cur == -* && -z $before ]]; then
		_lguest_reply $(_lguest_options)
	else
		_lguest_files
	fi
}

# --- lguest-tap ---

_lguest_taps() {
	$command show 2>/dev/null | sed -n 's/^\([^ ].*\): .*/\1/p'
}

_lguest_tap() {
	local plan="--owner= --group= --ip= --bridge= --create-bridge --mtu=
		--mac= --up --down --help"

	case $before in
	--owner | -u) mapfile -t COMPREPLY < <(compgen -u -- "$cur"); return ;;
	--group | -g) mapfile -t COMPREPLY < <(compgen -g -- "$cur"); return ;;
	--ip | --bridge)
		[ "${words[1]}" != set ] || _lguest_reply none
		return ;;
	-d) _lguest_reply $(_lguest_taps); return ;;
	-f) _lguest_files; return ;;
	-*) return ;;
	esac
	if [ ${#words[@]} -le 2 ]; then
		_lguest_reply add set del show --help -t -d -u -g -b -f
		return
	fi
	case ${words[1]}:$cur in
	add:-* | set:-*) _lguest_reply $plan ;;
	show:-*) _lguest_reply --json --help ;;
	del:-*) _lguest_reply --help ;;
	set:* | del:* | show:*) _lguest_reply $(_lguest_taps) ;;
	-*) _lguest_reply -t -d -u -g -b -f ;;
	esac
}

# --- lguest-mkdisk, lguest-inspect ---

_lguest_mkdisk() {
	case $before in
	--type | -t) _lguest_reply raw ext2 cpio ;;
	--block-size | -b) _lguest_reply 1024 2048 4096 ;;
	--dir | -d)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	--archive | --list | --from | -[al] | '') _lguest_default ;;
	esac
}

# As the last line of a --help has them.
_lguest_hypervisors() {
	$command --help 2>/dev/null | sed -n 's/^hypervisors: //p'
}

_lguest_inspect() {
	case $before in
	--can) _lguest_reply $(_lguest_hypervisors) ;;
	*) _lguest_default ;;
	esac
}

# --- lguest ---

# By no other name.
_lguest_() {
	case $before in
	--hypervisor) _lguest_reply auto $(_lguest_hypervisors) ;;
	--console) _lguest_reply tty null unix: ;;
	--username) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	*) _lguest_default ;;
	esac
}

# --- all of them ---

# Of options, those whose value is the next word.
_lguest_wants_value() {
	case $applet$1 in
	tap-[tdugf] | mkdisk-[tsdalLUb]) return 0 ;;
	*--*) _lguest_options | grep -qx -- "$1=" ;;
	*) return 1 ;;
	esac
}

_lguest() {
	local cur=${COMP_WORDS[COMP_CWORD]} before= applet command=$1
	local last=${COMP_WORDS[COMP_CWORD - 1]}
	local -a words=("${COMP_WORDS[@]:0:COMP_CWORD + 1}")

	COMPREPLY=()
	applet=${1##*/}
	applet=${applet#lguest}
	applet=${applet#-}
	# "lguest tap" is lguest-tap; lguest by itself runs Guests.
	if [ -z "$applet" ] && [ "$COMP_CWORD" -gt 1 ] &&
		declare -F "_lguest_${words[1]}" >/dev/null; then
		applet=${words[1]}
		command="$1 $applet"
		words=("${words[@]:1}")
	fi
	# bash cuts --name=value into three.
	if [ "$cur" = = ]; then
		cur= before=$last
	elif [ "$last" = = ]; then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	elif _lguest_wants_value "$last"; then
		before=$last
	fi
	if declare -F "_lguest_$applet" >/dev/null; then
		"_lguest_$applet"
	else
		_lguest_default
	fi
}

complete -F _lguest lguest lguest-tap lguest-mkdisk lguest-inspect
